#include <csetjmp>
#include <cstring>
#include <vector>

#include <png.h>

#include "data/image/exif.h"
#include "data/image/format.h"
#include "data/image/still_formats.h"

namespace dermis {
namespace {

class PngReader {
 public:
  PngReader(std::span<const uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, stop, stay_silent);
    info_ = png_create_info_struct(png_);
    png_set_read_fn(png_, this, read);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_ALWAYS, reinterpret_cast<png_const_bytep>("acTL"), 1);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  StoredImage decode() {
    guarded([&] { png_read_info(png_, info_); });
    const auto width = png_get_image_width(png_, info_);
    const auto height = png_get_image_height(png_, info_);
    check_size(width, height, name_);
    refuse_animation();
    StoredImage stored;
    stored.image.width = static_cast<int>(width);
    stored.image.height = static_cast<int>(height);
    const bool deep_grey =
        png_get_bit_depth(png_, info_) == 16 && png_get_color_type(png_, info_) == PNG_COLOR_TYPE_GRAY;
    guarded([&] { ask_for_rgb(deep_grey); });
    std::vector<uint8_t> deep(deep_grey ? size_t{2} * width * height : 0);
    stored.image.rgb.resize(size_t{3} * width * height);
    uint8_t* pixels = deep_grey ? deep.data() : stored.image.rgb.data();
    std::vector<png_bytep> rows(height);
    for (size_t y = 0; y < height; ++y) rows[y] = pixels + y * width * (deep_grey ? 2 : 3);
    guarded([&] {
      png_read_image(png_, rows.data());
      png_read_end(png_, info_);
    });
    for (size_t i = 0; i < deep.size() / 2; ++i) {
      std::memset(stored.image.rgb.data() + 3 * i, deep[2 * i] == 0 ? deep[2 * i + 1] : 255, 3);
    }
    stored.orientation = orientation();
    return stored;
  }

 private:
  [[noreturn]] static void stop(png_structp png, png_const_charp message) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::strncpy(reader->message_, message, sizeof(reader->message_) - 1);
    std::longjmp(reader->jump_, 1);
  }
  static void stay_silent(png_structp, png_const_charp) {}
  static void read(png_structp png, png_bytep out, size_t count) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (reader->bytes_.size() - reader->at_ < count) {
      reader->cut_off_ = true;
      png_error(png, "the data ends before the closing chunk");
    }
    std::memcpy(out, reader->bytes_.data() + reader->at_, count);
    reader->at_ += count;
  }

  template <typename Call>
  void guarded(const Call& call) {
    if (setjmp(jump_) != 0) {
      if (cut_off_) throw_truncated(name_, message_);
      throw_unreadable(name_, "PNG data is damaged", message_);
    }
    call();
  }

  void refuse_animation() {
    png_unknown_chunkp chunks = nullptr;
    const int count = png_get_unknown_chunks(png_, info_, &chunks);
    for (int i = 0; i < count; ++i) {
      if (std::memcmp(chunks[i].name, "acTL", 4) != 0 || chunks[i].size < 4) continue;
      const png_uint_32 frames = png_get_uint_32(chunks[i].data);
      if (frames > 1) throw_animated(name_, "an animated PNG of " + std::to_string(frames) + " frames");
    }
  }

  void ask_for_rgb(bool deep_grey) {
    const int type = png_get_color_type(png_, info_);
    if (deep_grey) return;
    png_set_strip_16(png_);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    if ((type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  int orientation() {
    png_bytep block = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &block) == 0 || block == nullptr) return 1;
    return exif_orientation({block, size});
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf jump_{};
  char message_[256] = {};
  size_t at_ = 0;
  bool cut_off_ = false;
};

}  // namespace

StoredImage decode_png(std::span<const uint8_t> bytes, const std::string& name) {
  return PngReader(bytes, name).decode();
}

}  // namespace dermis
