#include "kernels/attention/cached_sequences.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "kernels/attention/packed_upload.h"
#include "kernels/operand/operand.h"

namespace dermis {
namespace {

constexpr const char* kName = "cached sequences";

void check_lengths(const std::vector<int32_t>& lengths) {
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (lengths[b] < 0)
      fail_operand(kName, "lengths", "0 or more tokens a sequence", fmt::format("{} of sequence {}", lengths[b], b));
  }
}

}  // namespace

struct CachedSequences::Kept {
  std::mutex mutex;
  std::map<std::pair<c10::DeviceType, c10::DeviceIndex>, std::shared_ptr<const OnDevice>> by_device;
};

CachedSequences::CachedSequences(std::vector<int32_t> lengths, std::vector<int32_t> page_table, int64_t max_pages,
                                 bool paged)
    : lengths_(std::move(lengths)),
      page_table_(std::move(page_table)),
      max_pages_(max_pages),
      paged_(paged),
      kept_(std::make_shared<Kept>()) {}

CachedSequences CachedSequences::contiguous(std::vector<int32_t> lengths) {
  check_lengths(lengths);
  return CachedSequences(std::move(lengths), {}, 0, /*paged=*/false);
}

CachedSequences CachedSequences::paged(std::vector<int32_t> lengths, const at::Tensor& page_table_BP) {
  check_lengths(lengths);
  const auto sequences = static_cast<int64_t>(lengths.size());
  const bool fits = page_table_BP.defined() && page_table_BP.dim() == 2 && page_table_BP.size(0) == sequences &&
                    page_table_BP.scalar_type() == at::kInt && page_table_BP.is_cpu();
  if (!fits)
    fail_operand(kName, "page_table", fmt::format("int [{}, pages a sequence] on cpu", sequences),
                 describe(page_table_BP));
  const int64_t max_pages = page_table_BP.size(1);
  for (size_t b = 0; b < lengths.size(); ++b) {
    const int64_t needed = ceil_div(lengths[b], kPageTokens);
    if (needed > max_pages)
      fail_operand(kName, "page_table", fmt::format("{} pages for the {} tokens of sequence {}", needed, lengths[b], b),
                   fmt::format("{} pages a sequence", max_pages));
  }
  const at::Tensor table = page_table_BP.contiguous();
  const int32_t* first = table.const_data_ptr<int32_t>();
  return CachedSequences(std::move(lengths), {first, first + table.numel()}, max_pages, /*paged=*/true);
}

std::shared_ptr<const CachedSequences::OnDevice> CachedSequences::on(at::Device device) const {
  const std::scoped_lock lock(kept_->mutex);
  std::shared_ptr<const OnDevice>& slot = kept_->by_device[{device.type(), device.index()}];
  if (slot != nullptr) return slot;
  const std::vector<int32_t> zeros(lengths_.size(), 0);
  PackedUpload all;
  const size_t begins = all.add(zeros), ends = all.add(lengths_), pages = all.add(page_table_);
  auto made = std::make_shared<OnDevice>();
  made->storage = all.run(device);
  const int32_t* data = made->storage.const_data_ptr<int32_t>();
  made->begins = data + begins;
  made->ends = data + ends;
  if (paged_) made->page_table = data + pages;
  return slot = made;
}

}  // namespace dermis
