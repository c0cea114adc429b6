#include "core/cli/parse.h"

#include <algorithm>
#include <iostream>

#include "core/error.h"

namespace dermis {
namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

bool parse_arguments(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // CLI11 takes them last first
  try {
    app.parse(reversed);
    return true;
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    std::string fix = "see 'dermis " + app.get_name() + " --help'";
    for (const std::string& argument : arguments) {
      const std::string flag = argument.substr(0, argument.find('='));
      const auto known = option_names(app);
      if (flag.rfind("--", 0) != 0 || std::find(known.begin(), known.end(), flag) != known.end()) continue;
      const std::string near = nearest_name(flag, known);
      if (!near.empty()) fix.insert(0, "did you mean '" + near + "'? ");
      break;
    }
    throw Error(ErrorKind::usage, {.what = error.what(), .where = "dermis " + app.get_name(), .fix = fix});
  }
}

}  // namespace dermis
