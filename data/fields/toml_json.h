// TOML text as JSON, so that one strict reader serves both.
#pragma once

#include <string>

#include "data/json_fields.h"

namespace dermis {

// Error(data) names `where` and line. Dates and times are not used and are an error.
Json toml_to_json(const std::string& text, const std::string& where);

}  // namespace dermis
