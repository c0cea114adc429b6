#include "tests/gpu/region_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace dermis::gpu {
namespace {

constexpr std::byte kPoisons[] = {std::byte{0xff}, std::byte{0x5d}};  // of even and odd runs

[[noreturn]] void refuse(const std::string& symbol, int run, size_t byte, size_t bytes) {
  throw std::runtime_error(
      fmt::format("{}: run {} differs from the first at byte {} of a buffer of {} bytes: a race, or a read of what "
                  "nothing wrote",
                  symbol, run + 1, byte, bytes));
}

// Calls visit(first, count) for every stretch of bytes for which `is` holds.
template <class Is, class Visit>
void for_stretches(size_t bytes, Is is, Visit visit) {
  for (size_t first = 0; first < bytes;) {
    size_t end = first;
    while (end < bytes && is(end)) ++end;
    if (end > first) visit(first, end - first);
    first = end + 1;
  }
}

}  // namespace

void check_cuda(const CudaDriver& driver, int error, const std::string& doing) {
  if (error != 0)
    throw std::runtime_error(fmt::format("{}: {} (CUDA error {})", doing, driver.error_text(error), error));
}

void move_pointers(std::span<std::byte> bytes, EmulatedDevice& device,
                   const std::function<Address(const GlobalRegion&)>& copy_of) {
  for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    const GlobalRegion* region = device.find(reinterpret_cast<const void*>(word), 0);
    if (region == nullptr) continue;
    word = copy_of(*region) + (word - reinterpret_cast<uint64_t>(region->data()));
    std::memcpy(bytes.data() + at, &word, sizeof(word));
  }
}

bool RegionCopies::Copy::untouched(size_t byte) const {
  return !written[byte] && result[0][byte] == kPoisons[0] && result[1][byte] == kPoisons[1];
}

RegionCopies::RegionCopies(const CudaDriver& driver, EmulatedDevice& device, std::span<const std::byte> params)
    : driver_(driver), params_(params.begin(), params.end()) {
  for (GlobalRegion* region : device.regions()) {
    Copy& copy = copies_.emplace_back();
    copy.region = region;
    copy.address = allocate(region->bytes());
    copy.written.resize(region->bytes());
    for (size_t i = 0; i < region->bytes(); ++i) copy.written[i] = region->written(i);
  }
  const auto copy_of = [&](const GlobalRegion& region) {
    return std::find_if(copies_.begin(), copies_.end(), [&](const Copy& copy) { return copy.region == &region; })
        ->address;
  };
  // Buffers hold pointers, too: the tables of kernels that work on many tensors.
  for (Copy& copy : copies_) {
    copy.input[0].assign(copy.region->data(), copy.region->data() + copy.region->bytes());
    move_pointers(copy.input[0], device, copy_of);
    copy.input[1] = copy.input[0];
    for (size_t i = 0; i < copy.written.size(); ++i)
      for (const size_t odd : {0, 1})
        if (!copy.written[i]) copy.input[odd][i] = kPoisons[odd];
  }
  move_pointers(params_, device, copy_of);
}

RegionCopies::~RegionCopies() {
  for (const Copy& copy : copies_) {
    for (const Address address : {copy.address, copy.kept[0], copy.kept[1]})
      if (address != 0) driver_.release(address);
  }
}

Address RegionCopies::allocate(size_t bytes) {
  Address address = 0;
  check_cuda(driver_, driver_.allocate(&address, std::max<size_t>(bytes, 1)), "device memory");
  return address;
}

void RegionCopies::upload(Address to, std::span<const std::byte> bytes) {
  check_cuda(driver_, driver_.to_device(to, bytes.data(), bytes.size()), "copy to the device");
}

RegionCopies::Bytes RegionCopies::download(const Copy& copy) {
  Bytes bytes(copy.input[0].size());
  check_cuda(driver_, driver_.to_host(bytes.data(), copy.address, bytes.size()), "copy from the device");
  return bytes;
}

void RegionCopies::upload_written() {
  for (const Copy& copy : copies_) {
    for_stretches(
        copy.written.size(), [&](size_t i) { return copy.written[i]; },
        [&](size_t first, size_t count) {
          upload(copy.address + first, std::span(copy.input[0]).subspan(first, count));
        });
  }
}

void RegionCopies::begin(int run) {
  const size_t odd = static_cast<size_t>(run) % 2;
  for (Copy& copy : copies_) {
    if (run < 2) {
      upload(copy.address, copy.input[odd]);
    } else if (!copy.constant) {
      if (copy.kept[odd] == 0) upload(copy.kept[odd] = allocate(copy.input[odd].size()), copy.input[odd]);
      check_cuda(driver_, driver_.copy(copy.address, copy.kept[odd], copy.input[odd].size()), "copy on the device");
    }
  }
}

void RegionCopies::compare(int run, const std::string& symbol) {
  const size_t odd = static_cast<size_t>(run) % 2;
  for (Copy& copy : copies_) {
    if (copy.constant) continue;
    Bytes found = download(copy);
    const Bytes& expected = copy.result[run < 2 ? 0 : odd];
    if (run < 2) copy.result[odd] = std::move(found);
    if (run == 0) continue;
    const Bytes& again = run == 1 ? copy.result[1] : found;
    if (!again.empty() && std::memcmp(again.data(), expected.data(), again.size()) != 0) {
      for (size_t i = 0; i < again.size(); ++i)
        if (again[i] != expected[i] && !(run == 1 && copy.untouched(i))) refuse(symbol, run, i, again.size());
    }
    if (run == 1) copy.constant = copy.input[0] == copy.input[1] && copy.result[0] == copy.input[0];
  }
}

void RegionCopies::compare_constant(const std::string& symbol) {
  for (const Copy& copy : copies_) {
    if (!copy.constant) continue;
    const Bytes found = download(copy);
    const auto differs = std::mismatch(found.begin(), found.end(), copy.input[0].begin()).first;
    if (differs == found.end()) continue;
    throw std::runtime_error(
        fmt::format("{}: a later run wrote byte {} of a buffer of {} bytes that the first runs left alone", symbol,
                    differs - found.begin(), found.size()));
  }
}

void RegionCopies::keep_results() {
  for (const Copy& copy : copies_) {
    if (copy.constant) continue;
    for_stretches(
        copy.written.size(), [&](size_t i) { return !copy.untouched(i); },
        [&](size_t first, size_t count) {
          for (size_t i = first; i < first + count; ++i)
            if (copy.result[0][i] != copy.input[0][i] || !copy.written[i]) copy.region->data()[i] = copy.result[0][i];
          copy.region->write_by_host(first, count);
        });
  }
}

}  // namespace dermis::gpu
