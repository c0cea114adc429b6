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

// Keeps the GPU's current stream busy for about that long without touching memory. The function is LibTorch's
// (torch.cuda._sleep); LibTorch's CUDA library is opened at run time, so its address is looked up.
void hold_gpu(double seconds) {
  static const auto sleep = reinterpret_cast<void (*)(int64_t)>(dlsym(RTLD_DEFAULT, "_ZN2at4cuda5sleepEl"));
  constexpr double kCyclesPerSecond = 2e9, kShortest = 5e-4, kLongest = 2e-2;
  if (sleep != nullptr) sleep(static_cast<int64_t>(std::clamp(seconds, kShortest, kLongest) * kCyclesPerSecond));
}

double host_seconds(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double CpuStopwatch::seconds(const std::function<void()>& call, int calls) {
  return host_seconds([&] {
           for (int i = 0; i < calls; ++i) call();
         }) /
         calls;
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
  call();  // leaves its operands in the cache
  // The stream waits until all calls are issued: small ones would else be timed by how fast the host issues them.
  hold_gpu(host_seconds(call) * calls);
  return timed(call, calls);
}

double GpuStopwatch::cold_seconds(const std::function<void()>& call) {
  flush_.fill_(1);  // takes longer than issuing a call
  return timed(call, 1);
}

}  // namespace dermis
