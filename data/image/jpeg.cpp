#include "data/image/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include <jpeglib.h>
// jerror.h after jpeglib.h: it lists the library's message codes.
#include <jerror.h>

#include "data/image/exif.h"
#include "data/image/format.h"

namespace dermis {
namespace {

constexpr int kMostScans = 500;  // a progressive file may repeat scans without end; real ones hold about ten

bool loses_pixels(int code) {
  return code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_MUST_RESYNC ||
         code == JWRN_BOGUS_PROGRESSION || code == JWRN_ARITH_BAD_CODE;
}

// Adobe stores CMYK inverted, so the stored value is the share of light that passes: Pillow's cmyk2rgb on 255 - stored.
void mix_inks(const uint8_t* cmyk, uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * light + 128;
      rgb[c] = static_cast<uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
  }
}

}  // namespace

struct JpegReader::State {
  jpeg_error_mgr errors{};  // first member: the library hands back its address
  jpeg_decompress_struct info{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};
  bool cut_off = false;
  bool created = false;
  std::string name;
  int orientation = 1;
  std::vector<uint8_t> inks;  // one CMYK row

  ~State() {
    if (created) jpeg_destroy_decompress(&info);
  }
  static State& of(j_common_ptr common) { return *reinterpret_cast<State*>(common->err); }

  [[noreturn]] static void stop(j_common_ptr common) {
    State& state = of(common);
    common->err->format_message(common, state.message);
    state.cut_off = common->err->msg_code == JWRN_JPEG_EOF || common->err->msg_code == JERR_INPUT_EOF;
    std::longjmp(state.jump, 1);
  }
  static void on_message(j_common_ptr common, int level) {
    if (level < 0 && loses_pixels(common->err->msg_code)) stop(common);
    if (common->is_decompressor != 0 && reinterpret_cast<j_decompress_ptr>(common)->input_scan_number > kMostScans) {
      stop(common);
    }
  }
  static void stay_silent(j_common_ptr) {}

  [[noreturn]] void report() const {
    if (cut_off) throw_truncated(name, "the data ends before the last row (" + std::string(message) + ")");
    throw_unreadable(name, "JPEG data is damaged", message);
  }
  // longjmp skips the frames of the library and of `call`, which hold nothing to destroy.
  template <typename Call>
  void guarded(const Call& call) {
    if (setjmp(jump) != 0) report();
    call();
  }
};

JpegReader::JpegReader(std::span<const uint8_t> bytes, std::string name) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.name = std::move(name);
  s.info.err = jpeg_std_error(&s.errors);
  s.errors.error_exit = State::stop;
  s.errors.emit_message = State::on_message;
  s.errors.output_message = State::stay_silent;
  s.guarded([&] {
    jpeg_create_decompress(&s.info);
    s.created = true;
    jpeg_mem_src(&s.info, bytes.data(), bytes.size());
    jpeg_save_markers(&s.info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&s.info, TRUE);
  });
  check_size(s.info.image_width, s.info.image_height, s.name);
  for (const auto* marker = s.info.marker_list; marker != nullptr; marker = marker->next) {
    if (marker->data_length < 6 || std::memcmp(marker->data, "Exif\0\0", 6) != 0) continue;
    s.orientation = exif_orientation({marker->data, marker->data_length});
    break;
  }
  const bool four_inks = s.info.jpeg_color_space == JCS_CMYK || s.info.jpeg_color_space == JCS_YCCK;
  s.info.out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
  if (four_inks) s.inks.resize(size_t{4} * s.info.image_width);
  s.guarded([&] { jpeg_start_decompress(&s.info); });
}

JpegReader::~JpegReader() = default;

int JpegReader::width() const { return static_cast<int>(state_->info.image_width); }
int JpegReader::height() const { return static_cast<int>(state_->info.image_height); }
int JpegReader::orientation() const { return state_->orientation; }

void JpegReader::read_rows(uint8_t* rgb, int64_t stride, int count) {
  State& s = *state_;
  s.guarded([&] {
    const JDIMENSION end = s.info.output_scanline + static_cast<JDIMENSION>(count);
    uint8_t* row = rgb;
    while (s.info.output_scanline < end) {
      if (s.inks.empty()) {
        JSAMPROW rows[8];
        const JDIMENSION wanted = std::min<JDIMENSION>(8, end - s.info.output_scanline);
        for (JDIMENSION i = 0; i < wanted; ++i) rows[i] = row + i * stride;
        row += jpeg_read_scanlines(&s.info, rows, wanted) * stride;
      } else {
        JSAMPROW inks = s.inks.data();
        jpeg_read_scanlines(&s.info, &inks, 1);
        mix_inks(inks, row, static_cast<int>(s.info.output_width));
        row += stride;
      }
    }
  });
}

}  // namespace dermis
