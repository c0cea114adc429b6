// Global memory of an EmulatedDevice as an array of T. Bytes start poisoned and unwritten; upload() writes all of them.
// Kernels get data(); tests read back with download() or, as numbers, values().
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "tests/emulator/device_memory.h"
#include "tests/emulator/numbers.h"

namespace dermis {

template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer(EmulatedDevice& device, size_t count)
      : device_(&device), region_(std::make_unique<GlobalRegion>(count * sizeof(T), kGranule)), count_(count) {
    device_->add(region_.get());
  }
  DeviceBuffer(EmulatedDevice& device, std::span<const T> values) : DeviceBuffer(device, values.size()) {
    upload(values);
  }
  ~DeviceBuffer() {
    if (region_ != nullptr) device_->remove(region_.get());
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept = default;
  DeviceBuffer& operator=(DeviceBuffer&&) = delete;

  T* data() { return reinterpret_cast<T*>(region_->data()); }
  const T* data() const { return reinterpret_cast<const T*>(region_->data()); }
  size_t size() const { return count_; }

  // `values` has size() elements.
  void upload(std::span<const T> values) {
    if (values.size() != count_) throw std::invalid_argument("upload: not as many values as the buffer has elements");
    std::copy(values.begin(), values.end(), data());
    region_->write_by_host(0, values.size_bytes());
  }
  // Rounds to T (nearest, ties to even).
  void upload_values(std::span<const double> values) {
    std::vector<T> rounded(values.size());
    std::transform(values.begin(), values.end(), rounded.begin(), [](double x) { return from_double<T>(x); });
    upload(rounded);
  }

  std::vector<T> download() const { return std::vector<T>(data(), data() + count_); }
  std::vector<double> values() const {
    std::vector<double> numbers(count_);
    std::transform(data(), data() + count_, numbers.begin(), [](T x) { return as_double(x); });
    return numbers;
  }

  // Elements of which some byte was neither uploaded nor stored by a kernel.
  size_t unwritten() const {
    size_t elements = 0;
    for (size_t i = 0; i < count_; ++i) {
      bool written = true;
      for (size_t byte = 0; byte < sizeof(T); byte += kGranule) {
        written = written && region_->written(i * sizeof(T) + byte);
      }
      elements += !written;
    }
    return elements;
  }

 private:
  static constexpr size_t kGranule = std::min<size_t>(sizeof(T), 4);
  EmulatedDevice* device_;
  std::unique_ptr<GlobalRegion> region_;
  size_t count_;
};

}  // namespace dermis
