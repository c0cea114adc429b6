#include "tests/ptx/module.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/machine/machine.h"

namespace dermis::ptx {

bool Function::allow_shared(uint32_t bytes) {
  shared_allowed_ = std::max(shared_allowed_, bytes);
  return bytes <= kSharedLimit;
}

void Function::launch(const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared_bytes, const void* params,
                      GlobalMemory& global, const Schedule& schedule, Traffic* traffic) const {
  if (shared_bytes > shared_allowed_)
    throw std::runtime_error(fmt::format("{} bytes of shared memory, {} are allowed", shared_bytes, shared_allowed_));
  ptx::launch(kernel_, blocks, threads, shared_bytes, params, global, schedule, traffic);
}

Module::Module(std::string text) : text_(std::move(text)) {
  for (const auto& [name, part] : kernels_in(text_)) parts_[name] = part;
}

Function* Module::find(std::string_view name) {
  const auto part = parts_.find(name);
  if (part == parts_.end()) return nullptr;
  std::unique_ptr<Function>& found = functions_[part->first];
  if (found == nullptr) found = std::make_unique<Function>(parse_kernel(part->second));
  return found.get();
}

}  // namespace dermis::ptx
