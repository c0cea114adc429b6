#include "data/sources/picture_facts.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <span>
#include <thread>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "data/image/image.h"
#include "data/image/phash.h"

namespace dermis {
namespace {

std::string read_one(SourceRow& row) {
  try {
    const std::vector<uint8_t> bytes = read_bytes(row.image_path);
    row.item.sha256 = sha256_hex(std::as_bytes(std::span(bytes)));
    const Image image = decode_image(bytes, row.image_path);
    row.item.width = image.width;
    row.item.height = image.height;
    row.item.phash = phash_text(perceptual_hash(image));
    return "";
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    return error.info().what + (error.info().found.empty() ? "" : ": " + error.info().found);
  }
}

}  // namespace

std::vector<std::string> read_picture_facts(std::vector<SourceRow>& rows, const std::vector<size_t>& selected,
                                            int threads) {
  std::vector<std::string> problems(selected.size());
  std::atomic<size_t> next{0};
  std::vector<std::exception_ptr> failures(static_cast<size_t>(std::max(1, threads)));
  const auto work = [&](size_t thread) {
    try {
      for (size_t i = next++; i < selected.size() && !interrupt_requested(); i = next++) {
        problems[i] = read_one(rows[selected[i]]);
      }
    } catch (...) {
      failures[thread] = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  for (size_t thread = 0; thread < failures.size(); ++thread) workers.emplace_back(work, thread);
  for (std::thread& worker : workers) worker.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  throw_if_interrupted("nothing was written; run the import again");
  return problems;
}

}  // namespace dermis
