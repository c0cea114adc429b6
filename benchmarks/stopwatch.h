// Clocks of benchmarks.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

namespace dermis {

class Stopwatch {
 public:
  virtual ~Stopwatch() = default;
  // Seconds of one of `calls` runs of `call`, one behind the other.
  virtual double seconds(const std::function<void()>& call, int calls) = 0;
  // Seconds of one run that finds none of its operands in a cache.
  virtual double cold_seconds(const std::function<void()>& call) = 0;
};

// Wall clock. A cold run follows a pass over more memory than the caches hold.
class CpuStopwatch : public Stopwatch {
 public:
  double seconds(const std::function<void()>& call, int calls) override;
  double cold_seconds(const std::function<void()>& call) override;

 private:
  at::Tensor flush_;
};

// Events on LibTorch's current stream of the device. The GPU is kept busy while the host issues what is timed, so that
// issuing it is not timed too. What waits for its own results is timed with its wait.
class GpuStopwatch : public Stopwatch {
 public:
  explicit GpuStopwatch(at::Device device);
  double seconds(const std::function<void()>& call, int calls) override;
  double cold_seconds(const std::function<void()>& call) override;

 private:
  double timed(const std::function<void()>& call, int calls);

  at::Device device_;
  at::Tensor flush_;  // several times the second-level cache
};

}  // namespace dermis
