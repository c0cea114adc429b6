// A kernel of hand-written PTX: words in, words out, a word a thread unless the text says otherwise.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/ptx/launch.h"

namespace dermis::ptx {

using Words = std::vector<uint32_t>;

// The body finds its thread in %r0, addresses of in[thread] and out[thread] in %rd0 and %rd1, `shared` as a 32-bit
// address in %r1; registers up to 31 of each type are declared.
inline std::string kernel_text(const std::string& body) {
  return fmt::format(R"(
.visible .entry test_kernel(
	.param .align 8 .b8 test_kernel_param_0[16]
)
.maxntid 64, 1, 1
{{
	.reg .pred %p<32>; .reg .b16 %rs<32>; .reg .b32 %r<32>; .reg .b64 %rd<32>; .reg .f32 %f<32>; .reg .f64 %fd<32>;
	ld.param.u64 %rd2, [test_kernel_param_0];
	ld.param.u64 %rd3, [test_kernel_param_0+8]; // the second pointer
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %rd4, %r0, 4;
	add.s64 %rd0, %rd2, %rd4;
	add.s64 %rd1, %rd3, %rd4;
	mov.u32 %r1, _ZN6dermis20dermis_shared_memoryE;
{}
	ret;
}})",
                     body);
}

struct Setting {
  uint32_t threads = 32, shared_bytes = 1024;
  Schedule schedule = {};
};

// What `body` leaves in `count` words of ones.
inline Words words_after(const std::string& body, const Words& in, size_t count, const Setting& setting = {}) {
  const std::string text = kernel_text(body);
  const Kernel kernel = parse_kernel(kernels_in(text).at(0).second);
  Words out(count, ~0u);
  const struct {
    const uint32_t* in;
    uint32_t* out;
  } params{in.data(), out.data()};
  GlobalMemory global;
  global.add(reinterpret_cast<uint64_t>(in.data()), in.size() * 4);
  global.add(reinterpret_cast<uint64_t>(out.data()), out.size() * 4);
  launch(kernel, {1, 1, 1}, setting.threads, setting.shared_bytes, &params, global, setting.schedule);
  return out;
}

// What is said of it; "" when nothing is wrong.
inline std::string fault_of(const std::string& body, const Words& in, const Setting& setting = {}) {
  try {
    words_after(body, in, 64, setting);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace dermis::ptx
