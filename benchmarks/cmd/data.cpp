#include "benchmarks/cmd/data.h"

#include <fmt/format.h>

#include "benchmarks/data.h"
#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"

namespace dermis {

int bench_data_command(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Decoding and Pillow-exact bicubic resizing to 224 pixels, and drawing practice images", "bench data");
  DataBenchOptions options;
  app.add_option("--real", options.real, "folder of JPEG files; practice images when not given");
  app.add_option("--most", options.most, "files of the folder to use")->capture_default_str()->check(positive());
  app.add_option("--rounds", options.rounds, "timed rounds, contenders interleaved")
      ->capture_default_str()
      ->check(positive());
  app.add_option("--peer", options.peer, "Python of an environment with torchvision and pillow; needs --real");
  app.add_option("--peer-script", options.peer_script, "the peers' program")->capture_default_str();
  if (!parse_arguments(app, arguments)) return 0;
  if (!options.peer.empty() && options.real.empty()) {
    throw Error(ErrorKind::usage, {.what = "the peers read files, so --peer needs --real",
                                   .where = "dermis bench data",
                                   .fix = "name a folder of JPEG files with --real"});
  }
  fmt::print("{}", describe(bench_data(options)));
  return 0;
}

}  // namespace dermis
