// Schemas at work: values in, text out. core/config/config.h wraps these for a struct.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/schema.h"

namespace dermis {

// Where each key's value came from ("recipe.toml:12", "--set lr=1"); keys that are absent hold their default.
using ConfigOrigins = std::map<std::string, std::string>;

void apply_toml(const ConfigSchema& schema, const ConfigValue& table, ConfigOrigins& origins);
void apply_override(const ConfigSchema& schema, const std::string& text, ConfigOrigins& origins);
// Error(data) naming the first required field that no source has set.
void check_required(const ConfigSchema& schema, const ConfigOrigins& origins, const std::string& source);

std::string print_toml(const ConfigSchema& schema, const ConfigOrigins* origins);  // null: without comments
std::string config_hash(const ConfigSchema& schema);  // SHA-256 of the resolved values, whatever their origin
// Every field by its full key ("stages[0].name") as TOML; "" for an unset optional.
std::map<std::string, std::string> config_values(const ConfigSchema& schema);
std::string config_markdown(const ConfigSchema& schema);

}  // namespace dermis
