#include <fmt/format.h>

#include "core/cli/parse.h"
#include "core/error.h"
#include "core/process.h"
#include "data/cmd/verbs.h"
#include "data/generate/practice_set.h"

namespace dermis {
namespace {

template <NamedEnum E>
E named(const std::string& text, const std::string& option) {
  if (const auto value = parse_enum<E>(text)) return *value;
  std::vector<std::string> known;
  std::string list;
  for (const auto& [value, name] : EnumTraits<E>::kNames) {
    known.emplace_back(name);
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  const std::string near = nearest_name(text, known);
  throw Error(ErrorKind::usage, {.what = "unknown value of " + option,
                                 .where = "dermis data generate",
                                 .expected = list,
                                 .found = text,
                                 .fix = near.empty() ? "" : "did you mean '" + near + "'?"});
}

}  // namespace

int run_data_generate(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Draws practice images of skin lesions with known attributes: no person's data, CC0-1.0",
               "data generate");
  std::string out;
  std::string site = "a";
  std::vector<std::string> classes;
  std::vector<std::string> modalities;
  PracticeOptions options;
  int64_t count = 1000;
  int threads = usable_cores();
  app.add_option("out", out, "Folder to write: images/ and items.jsonl")->required();
  app.add_option("--count", count, "Number of images")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--site", site, "a or b: b has other light, another camera and another class mix")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Another seed gives other images")->capture_default_str();
  app.add_option("--size", options.size, "Pixels a side, 16 to 1024")
      ->check(CLI::Range(16, 1024))
      ->capture_default_str();
  app.add_option("--classes", classes, "Only these classes, comma-separated")->delimiter(',');
  app.add_option("--modality", modalities, "dermoscopic or clinical; both by default")->delimiter(',');
  app.add_option("--threads", threads, "Threads; the images do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  if (!parse_arguments(app, arguments)) return 0;
  options.site = named<Site>(site, "--site");
  for (const std::string& name : classes) options.classes.push_back(named<LesionClass>(name, "--classes"));
  for (const std::string& name : modalities) options.modalities.push_back(named<Modality>(name, "--modality"));
  const PracticeReport report = write_practice_set(out, count, options, threads);
  fmt::print("{} images of {} px, site {}, seed {}: {}/items.jsonl\n", report.images, options.size, site, options.seed,
             out);
  for (const auto& [label, number] : report.by_label) fmt::print("  {:<26}{:>7}\n", label, number);
  return 0;
}

}  // namespace dermis
