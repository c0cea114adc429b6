// The names of samples inside a tar.
#pragma once

#include <string>

namespace dermis {

// An item id as a WebDataset key: letters, digits, "-" and "_" stay, every other character becomes "_" and then a hash
// of the id is appended, so that different ids keep different keys. At most 80 bytes.
std::string shard_key(const std::string& item_id);

}  // namespace dermis
