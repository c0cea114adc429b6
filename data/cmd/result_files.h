// The files that a command writes into its folder OUT: all of them or none.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace dermis {

class ResultFiles {
 public:
  // Before the work, nothing is made yet. Error(data) when one of `names` stands in `out` and `replace` is not set, or
  // when nothing can be written there.
  ResultFiles(std::string out, const std::vector<std::string>& names, bool replace);
  // After it: `fill` writes into the folder it is given, whose files then move into `out`.
  void write(const std::function<void(const std::string& folder)>& fill) const;

 private:
  std::string out_;
};

// What `--replace` is to a result: Error(data) names the file that stands there already.
[[noreturn]] void throw_result_exists(const std::string& path);

}  // namespace dermis
