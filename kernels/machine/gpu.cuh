// The machine of kernels/machine/machine.h on a GPU: PTX that every GPU since Ampere (sm_80) has.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "kernels/machine/machine.h"

namespace dermis {

extern __shared__ __align__(16) unsigned char dermis_shared_memory[];

// The body of a load from global memory, `from` as a T of 2 to 16 bytes.
#define DERMIS_LOAD_GLOBAL(how)                                                                      \
  const auto at = __cvta_generic_to_global(from);                                                    \
  if constexpr (sizeof(T) == 16) {                                                                   \
    uint4 words;                                                                                     \
    asm volatile(how ".v4.u32 {%0, %1, %2, %3}, [%4];"                                               \
                 : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)                        \
                 : "l"(at)                                                                           \
                 : "memory");                                                                        \
    return __builtin_bit_cast(T, words);                                                             \
  } else if constexpr (sizeof(T) == 8) {                                                             \
    uint2 words;                                                                                     \
    asm volatile(how ".v2.u32 {%0, %1}, [%2];" : "=r"(words.x), "=r"(words.y) : "l"(at) : "memory"); \
    return __builtin_bit_cast(T, words);                                                             \
  } else if constexpr (sizeof(T) == 4) {                                                             \
    uint32_t word;                                                                                   \
    asm volatile(how ".u32 %0, [%1];" : "=r"(word) : "l"(at) : "memory");                            \
    return __builtin_bit_cast(T, word);                                                              \
  } else {                                                                                           \
    static_assert(sizeof(T) == 2);                                                                   \
    uint16_t word;                                                                                   \
    asm volatile(how ".u16 %0, [%1];" : "=h"(word) : "l"(at) : "memory");                            \
    return __builtin_bit_cast(T, word);                                                              \
  }

struct Gpu {
  DERMIS_DEVICE int thread() const { return static_cast<int>(threadIdx.x); }
  DERMIS_DEVICE int lane() const { return static_cast<int>(threadIdx.x) & 31; }
  // The same in all lanes; the shuffle tells the compiler so, and waits for all lanes.
  DERMIS_DEVICE int warp() const { return __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) >> 5, 0); }
  DERMIS_DEVICE int block(int axis) const {
    return static_cast<int>(axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z);
  }
  DERMIS_DEVICE int blocks(int axis) const {
    return static_cast<int>(axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z);
  }

  DERMIS_DEVICE void sync() const { __syncthreads(); }
  DERMIS_DEVICE void sync_warp() const { __syncwarp(); }
  DERMIS_DEVICE void fence() const { __threadfence(); }

  template <class T>
  DERMIS_DEVICE T load(Shared at) const {
    return *reinterpret_cast<const T*>(dermis_shared_memory + at.at);
  }
  template <class T>
  DERMIS_DEVICE void store(Shared at, T value) const {
    *reinterpret_cast<T*>(dermis_shared_memory + at.at) = value;
  }
  DERMIS_DEVICE uint32_t add(Shared counter, uint32_t value) const {
    return atomicAdd(reinterpret_cast<uint32_t*>(dermis_shared_memory + counter.at), value);
  }

  template <class T>
  DERMIS_DEVICE T load(const T* from) const {
    if constexpr (sizeof(T) == 16) {
      uint4 words = __ldg(reinterpret_cast<const uint4*>(from));
      return *reinterpret_cast<T*>(&words);
    } else if constexpr (sizeof(T) == 8) {
      uint2 words = __ldg(reinterpret_cast<const uint2*>(from));
      return *reinterpret_cast<T*>(&words);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return __ldg(from);
    } else {
      return *from;
    }
  }
  // A weak load of what no other block writes: it may be served by the first-level cache.
  template <class T>
  DERMIS_DEVICE T load_own(const T* from) const {
    DERMIS_LOAD_GLOBAL("ld.global")
  }
  // A strong load: seen past the first-level cache and, with a fence after it, ordered behind what it observed.
  template <class T>
  DERMIS_DEVICE T load_written(const T* from) const {
    DERMIS_LOAD_GLOBAL("ld.relaxed.gpu.global")
  }
  template <class T>
  DERMIS_DEVICE void store(T* to, T value) const {
    if constexpr (sizeof(T) == 16) {
      // Left to the compiler, the first words of a vector become single stores where another branch stores them singly.
      const auto words = __builtin_bit_cast(uint4, value);
      asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)), "r"(words.x),
                   "r"(words.y), "r"(words.z), "r"(words.w)
                   : "memory");
    } else if constexpr (sizeof(T) == 8) {
      const auto words = __builtin_bit_cast(uint2, value);
      asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(__cvta_generic_to_global(to)), "r"(words.x), "r"(words.y)
                   : "memory");
    } else {
      *to = value;
    }
  }
  DERMIS_DEVICE uint32_t add(uint32_t* counter, uint32_t value) const { return atomicAdd(counter, value); }

  DERMIS_DEVICE void copy_async16(Shared to, const void* from, bool valid) const {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address(to)), "l"(from), "r"(valid ? 16 : 0)
                 : "memory");
  }
  DERMIS_DEVICE void commit() const { asm volatile("cp.async.commit_group;" ::: "memory"); }
  template <int N>
  DERMIS_DEVICE void wait() const {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
  }

  template <class T>
  DERMIS_DEVICE T shuffle_xor(T value, int mask) const {
    return __shfl_xor_sync(0xffffffffu, value, mask);
  }
  template <class T>
  DERMIS_DEVICE T shuffle(T value, int lane) const {
    return __shfl_sync(0xffffffffu, value, lane);
  }
  DERMIS_DEVICE bool any(bool value) const { return __any_sync(0xffffffffu, value) != 0; }

  template <int N>
  DERMIS_DEVICE void load_matrix(uint32_t (&r)[N], Shared row) const {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 4) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                   : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                   : "r"(address(row))
                   : "memory");
    } else if constexpr (N == 2) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                   : "=r"(r[0]), "=r"(r[1])
                   : "r"(address(row))
                   : "memory");
    } else {
      asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(address(row)) : "memory");
    }
  }
  template <int N>
  DERMIS_DEVICE void load_matrix_transposed(uint32_t (&r)[N], Shared row) const {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 4) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                   : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                   : "r"(address(row))
                   : "memory");
    } else if constexpr (N == 2) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                   : "=r"(r[0]), "=r"(r[1])
                   : "r"(address(row))
                   : "memory");
    } else {
      asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                   : "=r"(r[0])
                   : "r"(address(row))
                   : "memory");
    }
  }

  template <class E>
  DERMIS_DEVICE void mma_k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const {
    if constexpr (std::is_same_v<E, Bf16>) {
      asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
          "{%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
      asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
          "{%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
  }
  template <class E>
  DERMIS_DEVICE void mma_k8(float (&d)[4], const uint32_t (&a)[2], uint32_t b) const {
    if constexpr (std::is_same_v<E, Bf16>) {
      asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(b));
    } else {
      asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a[0]), "r"(a[1]), "r"(b));
    }
  }

  DERMIS_DEVICE float exp2(float x) const {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  DERMIS_DEVICE float log2(float x) const {
    float y;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  DERMIS_DEVICE float reciprocal(float x) const {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  DERMIS_DEVICE float rsqrt(float x) const { return ::rsqrtf(x); }
  DERMIS_DEVICE float fma(float a, float b, float c) const { return __fmaf_rn(a, b, c); }

  template <class E>
  DERMIS_DEVICE uint32_t pack(float low, float high) const {
    uint32_t both;
    if constexpr (std::is_same_v<E, Bf16>) {
      asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    } else {
      asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    }
    return both;
  }
  DERMIS_DEVICE float to_float(Bf16 x) const { return __uint_as_float(static_cast<uint32_t>(x.bits) << 16); }
  DERMIS_DEVICE float to_float(Fp16 x) const {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
  }
  DERMIS_DEVICE float to_float(float x) const { return x; }
  template <class E>
  DERMIS_DEVICE E from_float(float x) const {
    if constexpr (std::is_same_v<E, float>) {
      return x;
    } else {
      return E{static_cast<uint16_t>(pack<E>(x, 0.0f) & 0xffffu)};
    }
  }
  template <class E>
  DERMIS_DEVICE void unpack(uint32_t both, float& low, float& high) const {
    low = to_float(E{static_cast<uint16_t>(both & 0xffffu)});
    high = to_float(E{static_cast<uint16_t>(both >> 16)});
  }

  DERMIS_DEVICE uint32_t shared_bytes() const {
    uint32_t bytes;
    asm("mov.u32 %0, %%dynamic_smem_size;" : "=r"(bytes));
    return bytes;
  }

 private:
  DERMIS_DEVICE static uint32_t address(Shared at) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(dermis_shared_memory)) + at.at;
  }
};

// The only __global__ function there is: a kernel K has `Params` (plain data) and `run(m, params)`. What is planned for
// K is part of the function's name, so that the compiler's report of it can be held against a table (tests/gates).
template <class K, int Threads = K::kThreads, int BlocksPerSm = K::kBlocksPerSm,
          uint32_t SharedBytes = planned_shared_bytes<K>()>
__global__ void __launch_bounds__(Threads, BlocksPerSm) run_on_gpu(const __grid_constant__ typename K::Params p) {
  const Gpu m;
  K::run(m, p);
}

// Launches K; returns 0 or a cudaError_t.
template <class K>
int launch_on_gpu(const Launch& launch, const typename K::Params& params, void* stream) {
  if (launch.blocks[0] == 0 || launch.blocks[1] == 0 || launch.blocks[2] == 0) return cudaSuccess;
  if (launch.shared_bytes > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(run_on_gpu<K>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(launch.shared_bytes));
    if (error != cudaSuccess) return error;
  }
  run_on_gpu<K><<<dim3(launch.blocks[0], launch.blocks[1], launch.blocks[2]), launch.threads, launch.shared_bytes,
                  static_cast<cudaStream_t>(stream)>>>(params);
  return cudaGetLastError();
}

}  // namespace dermis
