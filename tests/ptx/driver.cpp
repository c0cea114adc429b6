#include "tests/ptx/driver.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/gpu/kernel_images.h"
#include "tests/ptx/images.h"
#include "tests/ptx/module.h"

namespace dermis::ptx {
namespace {

using gpu::Address;

// CUresult of cuda.h.
constexpr int kOutOfMemory = 2, kInvalidValue = 1, kLaunchFailed = 719;

class Machine {
 public:
  explicit Machine(TextEdit edit) : edit_(std::move(edit)) {}

  int allocate(Address* address, size_t bytes) {
    constexpr size_t kAlignment = 256;
    void* found = std::aligned_alloc(kAlignment, (bytes + kAlignment) / kAlignment * kAlignment);
    if (found == nullptr) return kOutOfMemory;
    std::memset(found, 0xff, bytes);
    *address = reinterpret_cast<Address>(found);
    global_.add(*address, bytes);
    return 0;
  }

  int release(Address address) {
    global_.remove(address);
    std::free(reinterpret_cast<void*>(address));
    return 0;
  }

  int load(void** module, const void* image) {
    std::string text = ptx_in(gpu::image_parts(image));
    if (edit_) edit_(text);
    modules_.push_back(std::make_unique<Module>(std::move(text)));
    *module = modules_.back().get();
    return 0;
  }

  static int find(void** function, void* module, std::string_view name) {
    *function = static_cast<Module*>(module)->find(name);
    return *function == nullptr ? gpu::kNotFound : 0;
  }

  static int allow_shared(void* function, uint32_t bytes) {
    return static_cast<Function*>(function)->allow_shared(bytes) ? 0 : kInvalidValue;
  }

  int run(void* function, const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared, void** params) {
    try {
      static_cast<Function*>(function)->launch(blocks, threads, shared, params[0], global_, schedule_of(launches_++));
    } catch (const std::runtime_error& error) {
      fault_ = error.what();
      return kLaunchFailed;
    }
    return 0;
  }

  const char* text_of(int error) const {
    switch (error) {
      case kOutOfMemory: return "out of memory";
      case kInvalidValue: return "invalid argument";
      default: return fault_.c_str();
    }
  }

 private:
  TextEdit edit_;
  GlobalMemory global_;
  std::vector<std::unique_ptr<Module>> modules_;
  uint64_t launches_ = 0;
  std::string fault_;
};

}  // namespace

gpu::CudaDriver ptx_driver(TextEdit edit) {
  const auto machine = std::make_shared<Machine>(std::move(edit));
  const auto copy = [](void* to, const void* from, size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return 0;
  };
  gpu::CudaDriver driver;
  driver.device = "no GPU: PTX of compute capability 8.0, interpreted";
  driver.error_text = [machine](int error) { return machine->text_of(error); };
  driver.allocate = [machine](Address* address, size_t bytes) { return machine->allocate(address, bytes); };
  driver.release = [machine](Address address) { return machine->release(address); };
  driver.to_device = [copy](Address to, const void* from, size_t bytes) {
    return copy(reinterpret_cast<void*>(to), from, bytes);
  };
  driver.to_host = [copy](void* to, Address from, size_t bytes) {
    return copy(to, reinterpret_cast<const void*>(from), bytes);
  };
  driver.copy = [copy](Address to, Address from, size_t bytes) {
    return copy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  };
  driver.load = [machine](void** module, const void* image) { return machine->load(module, image); };
  driver.find = [machine](void** function, void* module, const char* name) {
    return Machine::find(function, module, name);
  };
  driver.allow_shared = [](void* function, uint32_t bytes) { return Machine::allow_shared(function, bytes); };
  driver.launch = [machine](void* function, const uint32_t(&blocks)[3], uint32_t threads, uint32_t shared,
                            void** params) { return machine->run(function, blocks, threads, shared, params); };
  driver.wait = [] { return 0; };
  return driver;
}

}  // namespace dermis::ptx
