// What occurs in a set of items: the choices that closed questions about it can offer.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/fields/field_pack.h"
#include "data/item.h"

namespace dermis {

struct DataVocabulary {
  std::vector<const ClassInfo*> classes;                   // labels that occur, in the order of the taxonomy
  std::map<std::string, std::vector<std::string>> values;  // attribute -> values that occur, in the order of the pack
  std::set<std::string> attributes;                        // that any item has, those with numbers too
};

// Error(data) for a label, attribute or value that the pack does not know, naming the item.
DataVocabulary vocabulary_of(const std::vector<Item>& items, const FieldPack& pack);

// What the grammar's placeholders stand for when the text is about this item (data/fields/placeholders.h, attributes
// and strata); missing values are absent.
std::map<std::string, std::string> placeholder_values(const Item& item, const FieldPack& pack);

// "a, b and c" from {a, b, c}.
std::string enumeration(const std::vector<std::string>& parts, const std::string& last = " and ");

// Stratum id -> value, for Record::strata.
std::map<std::string, std::string> strata_of(const Item& item, const FieldPack& pack);

}  // namespace dermis
