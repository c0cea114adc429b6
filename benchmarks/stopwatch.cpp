#include "benchmarks/stopwatch.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <dlfcn.h>

#include <algorithm>
#include <chrono>

namespace dermis {
namespace {

constexpr int64_t kCpuFlushBytes = int64_t{256} << 20, kGpuFlushBytes = int64_t{512} << 20;

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Keeps the GPU's current stream busy for about so long without touching memory. The function is LibTorch's
// (torch.cuda._sleep); LibTorch's CUDA library is opened at run time, so its address is looked up.
void hold_gpu(double seconds) {
  static const auto sleep = reinterpret_cast<void (*)(int64_t)>(dlsym(RTLD_DEFAULT, "_ZN2at4cuda5sleepEl"));
  constexpr double kCyclesASecond = 2e9;
  if (sleep != nullptr) sleep(static_cast<int64_t>(seconds * kCyclesASecond));
}

// How long to hold the GPU while `calls` calls are issued of which one took so long to issue.
double hold_seconds(double issuing_one, int calls) {
  constexpr double kLeast = 5e-4, kMost = 2e-2, kMargin = 1.5;
  return std::clamp(kMargin * issuing_one * calls, kLeast, kMost);
}

}  // namespace

double CpuStopwatch::seconds(const std::function<void()>& call, int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) call();
  return since(start) / calls;
}

double CpuStopwatch::cold_seconds(const std::function<void()>& call) {
  if (!flush_.defined()) flush_ = at::empty({kCpuFlushBytes}, at::kByte);
  flush_.fill_(1);
  return seconds(call, 1);
}

GpuStopwatch::GpuStopwatch(at::Device device)
    : device_(device), flush_(at::empty({kGpuFlushBytes}, at::TensorOptions().dtype(at::kByte).device(device))) {}

double GpuStopwatch::timed(const std::function<void()>& call, int calls) {
  const c10::impl::VirtualGuardImpl gpu(device_.type());
  const c10::Stream stream = gpu.getStream(device_);
  c10::Event begin(device_.type(), c10::EventFlag::BACKEND_DEFAULT),
      end(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
  begin.record(stream);
  for (int i = 0; i < calls; ++i) call();
  end.record(stream);
  end.synchronize();
  constexpr double kMilliseconds = 1e-3;
  return begin.elapsedTime(end) * kMilliseconds / calls;
}

double GpuStopwatch::seconds(const std::function<void()>& call, int calls) {
  const auto start = std::chrono::steady_clock::now();
  call();  // leaves its operands in the cache
  hold_gpu(hold_seconds(since(start), calls));
  return timed(call, calls);
}

double GpuStopwatch::cold_seconds(const std::function<void()>& call) {
  flush_.fill_(1);  // takes longer than issuing a call
  return timed(call, 1);
}

}  // namespace dermis
