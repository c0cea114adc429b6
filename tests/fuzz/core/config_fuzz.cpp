#include "core/config/config.h"

#include <cstdlib>

#include "core/error.h"

namespace {

struct Part {
  std::string name = "part";
  double lr = 0.5;
  std::optional<int64_t> steps;
  std::map<std::string, double> weights;
  template <class V>
  void visit(V& v) {
    v.field("name", name, "a name");
    v.field("lr", lr, "a rate", dermis::above(0));
    v.field("steps", steps, "a count", dermis::at_least(1));
    v.field("weights", weights, "some weights");
  }
};

struct Tree {
  uint64_t seed = 0;
  bool flag = false;
  std::vector<std::string> words;
  std::array<float, 2> betas{0.5F, 0.25F};
  Part part;
  std::vector<Part> parts;
  template <class V>
  void visit(V& v) {
    v.field("seed", seed, "a seed");
    v.field("flag", flag, "a flag");
    v.field("words", words, "some words");
    v.field("betas", betas, "two numbers", dermis::between(0, 1));
    v.section("part", part, "one");
    v.list("parts", parts, "many");
  }
};

}  // namespace

// A first line that starts with "--set " is an override of the rest. What is accepted prints and resolves back equal.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> overrides;
  if (text.starts_with("--set ")) {
    const size_t end = std::min(text.find('\n'), text.size());
    overrides.push_back(text.substr(6, end - 6));
    text.erase(0, end);
  }
  try {
    const auto config = dermis::resolve_config<Tree>({{"x.toml", text}}, overrides);
    std::string printed = config.print();
    if (dermis::resolve_config<Tree>({{"again.toml", printed}}).hash() != config.hash()) std::abort();
  } catch (const dermis::Error& error) {
    if (error.kind() != dermis::ErrorKind::data && error.kind() != dermis::ErrorKind::usage) throw;
  }
  return 0;
}
