// What a device kernel may ask of the machine it runs on. Kernel bodies are templates over a machine M and run
// unchanged on two of them: `Gpu` (kernels/machine/gpu.cuh: PTX, sm_80 and later) and `Emulator` (tests/emulator: the
// same template on the CPU, a fiber a thread, with race, bounds and poison checks).
//
// A kernel is a struct with `Params` (plain data), `kThreads` a block, `kBlocksPerSm` that registers must leave room
// for, `kSharedBytes` (the most dynamic shared memory that a launch asks for; left out: any) and
// `run(M& m, const Params&)`. `run` is written as one thread of a block, as in CUDA, and calls members of `m`:
//
//   identity         m.thread() m.lane() m.block(axis) m.blocks(axis)              axis 0, 1, 2; threads are 1-D
//                    m.warp()                      a warp exchange, on a GPU: all 32 lanes, not in a branch of some
//   barriers         m.sync()                      all threads of the block; orders shared and global memory among them
//                    m.sync_warp()                 all lanes of the warp, the same
//                    m.fence()                     orders this thread's global accesses around atomics, see below
//   shared memory    addresses are Shared: byte offsets into the block's dynamic shared memory, 16-byte aligned at 0
//                    m.load<T>(Shared)             T of 2, 4, 8 or 16 bytes, naturally aligned
//                    m.store(Shared, T)
//                    m.add(Shared, uint32_t)       atomic, returns the old value; barriers order it, like a store
//   global memory    m.load(const T*)              T of 1 to 16 bytes, naturally aligned; bytes that no block writes
//                                                  during the launch, not even the reader afterwards
//                    m.load_own(const T*)          T of 2 to 16 bytes; bytes that this block writes, before or after,
//                    and
//                                                  no other during the launch
//                    m.load_written(const T*)      T of 2 to 16 bytes; bytes that this launch writes, before or after
//                    m.store(T*, T)
//                    m.add(uint32_t*, uint32_t)    atomic, returns the old value, orders nothing by itself
//   async copies     m.copy_async16(Shared to, const void* from, bool valid)
//                                                  16 bytes; zeros when !valid (`from` is not read then)
//                    m.commit()  m.wait<N>()       at most N newest groups of this thread in flight; other threads see
//                                                  the bytes only after a barrier that follows wait
//   warp exchange    m.shuffle_xor(T, mask)  m.shuffle(T, lane)                    T of 4 bytes; all 32 lanes
//                    m.any(bool)
//   matrix tiles     m.load_matrix<N>(uint32_t (&r)[N], Shared row)
//                    m.load_matrix_transposed<N>(...)
//                                                  N = 1, 2, 4 tiles of 8 x 8 16-bit numbers; lane l gives the address
//                                                  of row l % 8 of tile l / 8
//                    m.mma_k16<E>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2])
//                    m.mma_k8<E>(float (&d)[4], const uint32_t (&a)[2], uint32_t b)
//                                                  d += a b of 16 x 8 x 16 and 16 x 8 x 8
//   arithmetic       m.exp2(float) m.log2(float)   flush subnormals; 2 ulp or so, like the next two
//                    m.reciprocal(float) m.rsqrt(float)
//                    m.fma(float a, float b, float c)
//                    m.pack<E>(float low, float high) -> uint32_t          round to nearest even, low half first
//                    m.to_float(Bf16) m.to_float(Fp16) m.from_float<E>(float)
//                    m.unpack<E>(uint32_t, float& low, float& high)
//   shared layout    m.shared_bytes()              dynamic shared memory of the launch
//
// Every lane of a warp must reach warp exchange, matrix and warp-barrier calls together; every thread of the block
// m.sync(), all at the same place of the program. Only barriers order shared memory: exchange and matrix calls do not.
//
// Between blocks, what one wrote another reads through a ticket, with a fence on both sides:
//   every thread stores; m.sync(); one thread: m.fence(); m.add(ticket, 1); m.fence(); m.sync(); m.load_written(...)
//
// Fragment maps (PTX ISA, mma.m16n8k16, 16-bit inputs, fp32 sums); lane l, group = l / 4, pair = 2 * (l % 4):
//   a[0] row group,     columns pair, pair+1         a[1] row group + 8, the same columns
//   a[2] row group,     columns pair+8, pair+9       a[3] row group + 8, columns pair+8, pair+9
//   b[0] rows pair, pair+1 of column group           b[1] rows pair+8, pair+9
//   d[0], d[1] row group, columns pair, pair+1       d[2], d[3] row group + 8, the same columns
//   m16n8k8 has a[0], a[1] and b[0] only.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define DERMIS_DEVICE __device__ __forceinline__
#define DERMIS_HOST_DEVICE __host__ __device__ __forceinline__
#define DERMIS_UNROLL _Pragma("unroll")
#define DERMIS_NO_UNROLL _Pragma("unroll 1")
#else
#define DERMIS_DEVICE inline
#define DERMIS_HOST_DEVICE inline
#define DERMIS_UNROLL
#define DERMIS_NO_UNROLL
#endif

namespace dermis {

// Storage of 16-bit numbers; arithmetic goes through the machine.
struct Bf16 {
  uint16_t bits;
};
struct Fp16 {
  uint16_t bits;
};

// The type of a tensor's elements, where it is chosen at run time (launchers). Part of the CUDA module's interface.
enum class ElementType : int32_t { fp32 = 0, bf16 = 1, fp16 = 2 };

// Byte offset into the dynamic shared memory of a block.
struct Shared {
  uint32_t at;
};
DERMIS_HOST_DEVICE constexpr Shared operator+(Shared base, uint32_t bytes) { return {base.at + bytes}; }

// 16 bytes moved at once.
struct alignas(16) Vec16 {
  uint32_t word[4];
};

DERMIS_HOST_DEVICE constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

constexpr int kWarpSize = 32;
constexpr float kLog2E = 1.4426950408889634f;
constexpr float kLn2 = 0.6931471805599453f;

// Shape of a launch, decided on the host.
struct Launch {
  uint32_t blocks[3] = {1, 1, 1};
  uint32_t threads = 128;
  uint32_t shared_bytes = 0;
};

// The most dynamic shared memory a block may ask for on every GPU since Ampere (sm_86 and sm_89 have the least).
constexpr uint32_t kSharedLimit = 99 * 1024;

// The most dynamic shared memory that a launch of kernel K may ask for.
template <class K>
constexpr uint32_t planned_shared_bytes() {
  if constexpr (requires { K::kSharedBytes; }) {
    static_assert(K::kSharedBytes <= kSharedLimit);
    return K::kSharedBytes;
  } else {
    return kSharedLimit;
  }
}

}  // namespace dermis
