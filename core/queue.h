// A bounded queue between threads: fast producers wait for room, and a failure reaches whoever waits for the product.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "core/process.h"

namespace dermis {

// Thread-safe, any number of producers and consumers. First in, first out.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity > 0 ? capacity : 1) {}
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // Waits for room. False when the queue is closed or has failed: the item is dropped and the producer should end.
  bool push(T item) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    has_item_.notify_one();
    return true;
  }

  // Waits for an item; nullopt when the queue is closed and empty. What was pushed before a failure still comes out,
  // then the failure is thrown, to every consumer that asks.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    if (items_.empty() && !closed_) {
      const double begin = monotonic_s();
      has_item_.wait(lock, [&] { return closed_ || !items_.empty(); });
      wait_s_ += monotonic_s() - begin;
    }
    if (items_.empty()) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    has_room_.notify_one();
    return item;
  }

  // No more items: consumers drain what is left, producers' pushes return false.
  void close() { end(nullptr); }
  // The same, and consumers get `failure` after the last item. The first failure counts.
  void fail(std::exception_ptr failure) { end(std::move(failure)); }

  double wait_s() const {  // time that consumers stood still
    const std::lock_guard lock(mutex_);
    return wait_s_;
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  void end(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (failure && !failure_) failure_ = std::move(failure);
    closed_ = true;
    has_item_.notify_all();
    has_room_.notify_all();
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable has_item_, has_room_;
  std::deque<T> items_;
  std::exception_ptr failure_;
  bool closed_ = false;
  double wait_s_ = 0;
};

}  // namespace dermis
