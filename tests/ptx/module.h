// The kernels of an image.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/ptx/launch.h"

namespace dermis::ptx {

class Function {
 public:
  explicit Function(Kernel kernel) : kernel_(std::move(kernel)) {}

  // False where no GPU of compute capability 8.0 to 9.0 has as much for every kernel.
  bool allow_shared(uint32_t bytes);
  // Throws std::runtime_error as launch() does, and when the launch asks for more than was allowed.
  void launch(const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared_bytes, const void* params,
              GlobalMemory& global, const Schedule& schedule, Traffic* traffic = nullptr) const;

 private:
  Kernel kernel_;
  uint32_t shared_allowed_ = 48 * 1024;
};

class Module {
 public:
  explicit Module(std::string text);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Null when there is no kernel of that name. They are parsed when they are asked for; throws as parse_kernel() does.
  Function* find(std::string_view name);

 private:
  std::string text_;
  std::map<std::string, std::string_view, std::less<>> parts_;
  std::map<std::string, std::unique_ptr<Function>, std::less<>> functions_;
};

}  // namespace dermis::ptx
