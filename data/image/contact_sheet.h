// Many pictures on one page with a caption under each.
#pragma once

#include <string>
#include <vector>

#include "data/image/image.h"

namespace dermis {

struct SheetCell {
  Image image;
  std::string caption;  // up to a few lines, separated by '\n'; a line too long for its cell is cut with dots
};

// Cells of `cell_size` pixels, `columns` a row, each picture fitted without distortion, dark captions on white.
Image contact_sheet(const std::vector<SheetCell>& cells, int columns, int cell_size);

}  // namespace dermis
