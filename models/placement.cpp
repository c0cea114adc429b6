#include "models/placement.h"

#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "kernels/attention/attention.h"
#include "kernels/cuda/cuda_module.h"

namespace dermis {
namespace {

constexpr const char* kCuda = "cuda";

[[noreturn]] void bad_word(const char* where, const char* expected, const std::string& found) {
  throw Error(ErrorKind::usage, {.what = "unknown choice", .where = where, .expected = expected, .found = found});
}

at::Device gpu(int index) {
  std::string reason;
  const CudaModule* module = cuda_module(&reason);
  if (module != nullptr && index >= static_cast<int>(module->facts.devices.size())) {
    reason = fmt::format("{} devices", module->facts.devices.size());
    module = nullptr;
  }
  if (module == nullptr || !load_torch_cuda(&reason)) {
    throw Error(ErrorKind::device, {.what = "there is no such GPU to compute on",
                                    .where = fmt::format("cuda:{}", index),
                                    .expected = "a CUDA driver, a GPU, libdermis_cuda.so and a LibTorch with CUDA",
                                    .found = reason,
                                    .fix = "mend what 'dermis doctor' shows, or compute on the CPU (device cpu)"});
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

at::Device device_of(const std::string& word) {
  if (word == "cpu") return at::kCPU;
  if (word == "auto") return cuda_module() != nullptr && load_torch_cuda() ? gpu(0) : at::Device(at::kCPU);
  if (word == kCuda) return gpu(0);
  const std::string prefix = std::string(kCuda) + ":";
  int index = -1;
  if (word.starts_with(prefix)) {
    const char* end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data() + prefix.size(), end, index);
    if (parsed.ec != std::errc() || parsed.ptr != end) index = -1;
  }
  if (index < 0 || index > 127) bad_word("device", "auto, cpu, cuda or cuda:N", word);
  return gpu(index);
}

// The first head size of the model that the GPU's attention kernels do not take; 0: they take all.
int64_t head_size_without_kernels(const VlmConfig& config) {
  for (const int64_t size : {config.vision.head_size(), config.language.head_size})
    if (!gpu_attention_takes(size)) return size;
  return 0;
}

at::ScalarType precision_of(const std::string& word, const at::Device& device, const VlmConfig& config) {
  const int64_t without = device.is_cuda() ? head_size_without_kernels(config) : 0;
  if (word == "auto") return device.is_cuda() && without == 0 ? at::kBFloat16 : at::kFloat;
  if (word == "fp32") return at::kFloat;
  if (word != "bf16" && word != "fp16") bad_word("precision", "auto, fp32, bf16 or fp16", word);
  if (without != 0) {
    throw Error(ErrorKind::usage, {.what = "the GPU's 16-bit attention has no kernel for a head size of this model",
                                   .where = "precision " + word,
                                   .expected = gpu_attention_head_sizes(),
                                   .found = fmt::format("head size {}", without),
                                   .fix = "choose precision fp32 or auto"});
  }
  return word == "bf16" ? at::kBFloat16 : at::kHalf;
}

}  // namespace

Placement choose_placement(const std::string& device, const std::string& precision, const VlmConfig& config,
                           Purpose purpose, const std::string& weights) {
  if (weights != "fp32" && weights != "bf16") bad_word("weights", "fp32 or bf16", weights);
  if (purpose == Purpose::training && precision == "fp16") {
    throw Error(ErrorKind::usage, {.what = "training in fp16 loses small gradients",
                                   .where = "precision",
                                   .expected = "auto, fp32 or bf16",
                                   .found = precision,
                                   .fix = "choose bf16, which has the range of fp32"});
  }
  Placement placement{.device = device_of(device)};
  placement.compute = precision_of(precision, placement.device, config);
  const at::ScalarType trained = weights == "bf16" ? at::kBFloat16 : at::kFloat;
  placement.weights = purpose == Purpose::training ? trained : placement.compute;
  return placement;
}

const char* precision_name(at::ScalarType type) {
  return type == at::kBFloat16 ? "bf16" : type == at::kHalf ? "fp16" : "fp32";
}

std::string describe(const Placement& placement) {
  std::string device = placement.device.str();
  const CudaModule* module = placement.device.is_cuda() ? cuda_module() : nullptr;
  if (module != nullptr)
    device += fmt::format(" ({})", module->facts.devices[static_cast<size_t>(placement.device.index())].name);
  const std::string computation = device + ", " + precision_name(placement.compute);
  if (placement.weights == placement.compute) return computation;
  return computation + ", weights " + precision_name(placement.weights);
}

}  // namespace dermis
