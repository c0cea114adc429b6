// What only a picture's bytes can tell: hash, upright size, fingerprint, whether it decodes.
#pragma once

#include <string>
#include <vector>

#include "data/sources/source_row.h"

namespace dermis {

// Fills sha256, width, height and phash of rows[selected[i]].item from its image_path with `threads` threads.
// Returns one text a selected row: why the picture cannot be used, or "".
std::vector<std::string> read_picture_facts(std::vector<SourceRow>& rows, const std::vector<size_t>& selected,
                                            int threads);

}  // namespace dermis
