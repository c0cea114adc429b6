// Threads and their memory for attention's tasks.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

namespace dermis {

// A buffer that a thread keeps from call to call: fresh pages cost more than small products do.
class AttentionScratch {
 public:
  float* floats(int64_t count) {
    if (count > size_) {
      data_.reset();
      size_ = 0;
      const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
      data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
      if (data_ == nullptr) throw std::bad_alloc();
      size_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr size_t kAlignment = 64;
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
  int64_t size_ = 0;
};

inline AttentionScratch& thread_scratch() {
  thread_local AttentionScratch scratch;
  return scratch;
}

// Runs task(i) for every i in [0, count): threads take the next indices as they get free, the last index first (rows
// behind see more keys than rows in front). They take several while many are left: neighbours are heads of the same
// rows, and what the processor fetches beyond one head's numbers are those of the next.
template <typename Task>
void for_tasks(int64_t count, Task task) {
  if (count == 1) {
    task(0);
    return;
  }
  const int64_t threads = std::min<int64_t>(count, at::get_num_threads());
  std::atomic<int64_t> left{count};
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    for (int64_t end = left; end > 0;) {
      const int64_t begin = end - std::max<int64_t>(1, end / (4 * threads));
      if (!left.compare_exchange_weak(end, begin)) continue;
      for (int64_t i = end - 1; i >= begin; --i) task(i);
      end = left;
    }
  });
}

}  // namespace dermis
