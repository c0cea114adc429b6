// The sections of a field pack from parsed TOML, and the checks across sections.
#pragma once

#include "data/fields/field_pack.h"
#include "data/json_fields.h"

namespace dermis {

// Each reads one file's tree into `pack`; `where` is the file's name. Error(data) names file and key.
void read_taxonomy(const Json& tree, const std::string& where, FieldPack& pack);
void read_attributes(const Json& tree, const std::string& where, FieldPack& pack);
void read_questions(const Json& tree, const std::string& where, FieldPack& pack);
void read_answers(const Json& tree, const std::string& where, FieldPack& pack);
void read_strata(const Json& tree, const std::string& where, FieldPack& pack);
void read_checks(const Json& tree, const std::string& where, FieldPack& pack);

// References between sections: ids that do not exist, types without answers, placeholders that nothing supplies.
void check_references(const FieldPack& pack, const std::string& name);

}  // namespace dermis
