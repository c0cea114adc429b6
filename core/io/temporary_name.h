// Names for files and folders that are not finished yet.
#pragma once

#include <string>

namespace dermis {

// ".<name>.<process>-<count>.part" beside `path`: hidden, unique in this process and among live processes.
std::string temporary_name(const std::string& path);

}  // namespace dermis
