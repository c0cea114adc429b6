// Batches made ahead by threads and handed out in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "core/contract.h"

namespace dermis {

// `make` is called with batch numbers on any thread and must depend on nothing else. With 0 threads it is called in
// next(). At most `ahead` batches lie finished or in work.
class Prefetcher {
 public:
  Prefetcher(std::function<Batch(int64_t)> make, int threads, int ahead);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  void seek(int64_t number);
  int64_t position() const;
  Batch next();  // rethrows what make() threw for this batch; the next call tries it again
  double wait_s() const;

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr failure;
  };
  void work();

  std::function<Batch(int64_t)> make_;
  int ahead_;
  mutable std::mutex mutex_;
  std::condition_variable has_room_, has_batch_;
  std::map<int64_t, Slot> slots_;  // by batch number
  int64_t next_out_ = 0, next_in_ = 0;
  uint64_t generation_ = 0;  // grows with every seek: what older work brings is dropped
  bool stopping_ = false;
  double wait_s_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace dermis
