#include "data/batch/prefetcher.h"

#include <algorithm>
#include <chrono>

namespace dermis {

Prefetcher::Prefetcher(std::function<Batch(int64_t)> make, int threads, int ahead)
    : make_(std::move(make)), ahead_(std::max(ahead, 1)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  has_room_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Prefetcher::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_room_.wait(lock, [&] { return stopping_ || next_in_ < next_out_ + ahead_; });
    if (stopping_) return;
    const int64_t number = next_in_++;
    const uint64_t generation = generation_;
    lock.unlock();
    Slot slot;
    try {
      slot.batch = make_(number);
    } catch (...) {
      slot.failure = std::current_exception();
    }
    lock.lock();
    if (generation != generation_) continue;
    slots_[number] = std::move(slot);
    has_batch_.notify_all();
  }
}

void Prefetcher::seek(int64_t number) {
  {
    const std::lock_guard lock(mutex_);
    ++generation_;
    slots_.clear();
    next_out_ = next_in_ = number;
  }
  has_room_.notify_all();
}

int64_t Prefetcher::position() const {
  const std::lock_guard lock(mutex_);
  return next_out_;
}

double Prefetcher::wait_s() const {
  const std::lock_guard lock(mutex_);
  return wait_s_;
}

Batch Prefetcher::next() {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::unique_lock lock(mutex_);
  if (threads_.empty()) {
    const int64_t number = next_out_;
    lock.unlock();
    Batch batch = make_(number);
    lock.lock();
    ++next_out_;
    wait_s_ += elapsed();
    return batch;
  }
  has_batch_.wait(lock, [&] { return slots_.contains(next_out_); });
  wait_s_ += elapsed();
  auto found = slots_.extract(next_out_);
  if (found.mapped().failure) {
    ++generation_;
    slots_.clear();
    next_in_ = next_out_;
    has_room_.notify_all();
    std::rethrow_exception(found.mapped().failure);
  }
  ++next_out_;
  has_room_.notify_all();
  return std::move(found.mapped().batch);
}

}  // namespace dermis
