#include "benchmarks/data.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "benchmarks/peer_process.h"
#include "core/error.h"
#include "core/io/read_file.h"
#include "core/process.h"
#include "data/generate/practice_set.h"
#include "data/image/encode.h"
#include "data/image/fitted.h"

namespace dermis {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr int kSide = 224;

std::vector<Bytes> read_files(const DataBenchOptions& options) {
  if (!std::filesystem::is_directory(options.real)) {
    throw Error(ErrorKind::data, {.what = "there is no such folder",
                                  .where = options.real,
                                  .expected = "a folder of JPEG files",
                                  .fix = "check --real, or leave it out to measure practice images"});
  }
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options.real)) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  if (static_cast<int>(paths.size()) > options.most) paths.resize(static_cast<size_t>(options.most));
  if (paths.empty()) {
    throw Error(ErrorKind::data, {.what = "no JPEG files to measure with", .where = options.real, .expected = "*.jpg"});
  }
  std::vector<Bytes> files;
  for (const std::string& path : paths) files.push_back(read_bytes(path));
  return files;
}

std::vector<Bytes> practice_files(int count) {
  PracticeOptions options;
  options.size = 256;
  std::vector<Bytes> files;
  for (int i = 0; i < count; ++i) {
    const PracticeImage made = make_practice_image(options, static_cast<uint64_t>(i));
    files.push_back(encode_jpeg(made.image, made.jpeg_quality));
  }
  return files;
}

// Twelve megapixels of a practice picture with the noise of a sensor's pixels.
Bytes large_file() {
  PracticeOptions options;
  options.size = 1024;
  Image image = resize(make_practice_image(options, 0).image, 4000, 3000, ResampleFilter::bicubic);
  Random random(0, RandomPurpose::selftest);
  for (uint8_t& value : image.rgb) {
    value = static_cast<uint8_t>(std::clamp(static_cast<int>(value) + static_cast<int>(random.bits() % 7) - 3, 0, 255));
  }
  return encode_jpeg(image, 90);
}

void decode_all(std::span<const Bytes> files) {
  for (const Bytes& file : files) decode_image(file, "benchmark");
}

void fit_all(std::span<const Bytes> files) {
  ImageFormat format;
  format.size = kSide;
  format.filter = ResampleFilter::bicubic;
  std::vector<uint8_t> planes(size_t{3} * kSide * kSide);
  for (const Bytes& file : files) decode_to_planes(file, "benchmark", format, planes.data());
}

// A new thread needs milliseconds to get a core of its own: threads are compared over this many pictures.
constexpr size_t kThreadedPictures = 1000;

int64_t threaded_passes(size_t files) { return static_cast<int64_t>((kThreadedPictures + files - 1) / files); }

void fit_long(std::span<const Bytes> files) {
  for (int64_t pass = 0; pass < threaded_passes(files.size()); ++pass) fit_all(files);
}

void fit_on_two_threads(std::span<const Bytes> files) {
  const std::jthread other([files] { fit_long(files); });
  fit_long(files);
}

// What the machine gives two programs that share nothing: the limit of two threads.
void fit_in_two_processes(std::span<const Bytes> files) {
  const pid_t other = fork();
  if (other == 0) {
    fit_long(files);
    _exit(0);
  }
  fit_long(files);
  int status = 0;
  DERMIS_CHECK(other > 0 && waitpid(other, &status, 0) == other && status == 0, "the second process ended well");
}

std::unique_ptr<PeerProcess> start_peer(const DataBenchOptions& options, const std::string& what) {
  auto peer = std::make_unique<PeerProcess>(
      std::vector<std::string>{options.peer, options.peer_script, "--what", what, "--folder", options.real, "--size",
                               std::to_string(kSide), "--most", std::to_string(options.most), "--serve"});
  peer->read();
  return peer;
}

// Work done in a sample of so many seconds.
struct Timed {
  const Samples& samples;
  double images;
};

BenchmarkRow row_of(const std::string& size, const Timed& mine) {
  BenchmarkRow row;
  row.size = size;
  row.dtype = "uint8";
  row.time_s = mine.samples.median();
  row.p10_s = mine.samples.quantile(0.1);
  row.p90_s = mine.samples.quantile(0.9);
  row.achieved = mine.images / row.time_s;
  return row;
}

BenchmarkRow row_of(const std::string& size, const Timed& mine, const std::string& peer, const Timed& other) {
  BenchmarkRow row = row_of(size, mine);
  row.peer = peer;
  row.peer_s = other.samples.median();
  row.ratio = mine.samples.ratio_of(other.samples) * mine.images / other.images;
  return row;
}

}  // namespace

BenchmarkReport bench_data(const DataBenchOptions& options) {
  const std::vector<Bytes> files = options.real.empty() ? practice_files(64) : read_files(options);
  const Bytes large = large_file();
  const std::span<const Bytes> one_large(&large, 1);
  PracticeOptions practice;
  enum { decode, fit, decode_large, fit_large, generate, first_peer };
  std::vector<std::function<void()>> contenders{[&] { decode_all(files); }, [&] { fit_all(files); },
                                                [&] { decode_all(one_large); }, [&] { fit_all(one_large); },
                                                [&] {
                                                  for (uint64_t i = 0; i < 16; ++i) {
                                                    const PracticeImage made = make_practice_image(practice, i);
                                                    encode_jpeg(made.image, made.jpeg_quality);
                                                  }
                                                }};
  std::vector<std::string> names;
  std::vector<std::unique_ptr<PeerProcess>> peers;
  if (!options.peer.empty() && !options.real.empty()) {
    for (const char* name : {"torchvision", "pillow"}) {
      names.emplace_back(name);
      peers.push_back(start_peer(options, name));
      contenders.emplace_back([peer = peers.back().get()] { peer->run(1); });
    }
  }
  const std::vector<Samples> samples = run_interleaved(contenders, options.rounds);
  // Nothing runs between the two that are compared: the speed of shared machines changes within seconds.
  const std::vector<Samples> threads = run_interleaved(
      {[&] { fit_long(files); }, [&] { fit_on_two_threads(files); }, [&] { fit_in_two_processes(files); }},
      options.rounds);

  const auto count = static_cast<double>(files.size());
  const double long_count = count * static_cast<double>(threaded_passes(files.size()));
  const std::string small = options.real.empty() ? "256 px practice" : "small files";
  BenchmarkReport report;
  report.benchmark = "data";
  report.device = hardware().cpu + ", one thread unless said";
  report.unit = "images/s";
  report.limit_name = "decoding alone";
  report.rows.push_back(row_of(small, {samples[fit], count}));
  report.rows.back().fraction = samples[fit].ratio_of(samples[decode]);
  for (size_t i = 0; i < names.size(); ++i) {
    report.rows.push_back(row_of(small, {samples[fit], count}, names[i], {samples[first_peer + i], count}));
  }
  // Each thread fits all pictures.
  report.rows.push_back(
      row_of(small + ", 2 threads", {threads[1], 2 * long_count}, "1 thread", {threads[0], long_count}));
  report.rows.push_back(
      row_of(small + ", 2 threads", {threads[1], 2 * long_count}, "2 processes", {threads[2], 2 * long_count}));
  report.rows.push_back(row_of("12 megapixels", {samples[fit_large], 1}));
  report.rows.back().fraction = samples[fit_large].ratio_of(samples[decode_large]);
  report.rows.push_back(row_of("practice images, 128 px", {samples[generate], 16}));
  return report;
}

}  // namespace dermis
