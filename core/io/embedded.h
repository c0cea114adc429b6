// Text files compiled into the program (field packs, recipes, report templates), so that `dermis` is one file that runs
// anywhere.
#pragma once

#include <span>
#include <string_view>

namespace dermis {

struct EmbeddedFile {
  std::string_view path;  // relative to the folder, e.g. "fields/dermatology/taxonomy.toml"
  std::string_view text;
};

std::span<const EmbeddedFile> embedded_data();   // data/: *.toml
std::span<const EmbeddedFile> embedded_train();  // train/: *.toml
std::span<const EmbeddedFile> embedded_infer();  // infer/: *.html *.css *.js

}  // namespace dermis
