// Licences of pictures as SPDX ids, and which of several binds a mixture.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace dermis {

// "CC-BY" -> "CC-BY-4.0", "CC-0" -> "CC0-1.0", ...; other text stays as it is; missing -> "".
std::string spdx_licence(const std::string& raw);

// The most restrictive of the licences: a licence nobody stated binds most, then one that this table does not know,
// then no derivatives, non-commercial, share alike, attribution, public domain. "not stated" for "".
std::string most_restrictive_licence(const std::vector<std::string>& licences);

}  // namespace dermis
