#include "core/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "core/error.h"

namespace dermis {
namespace {

TEST(BoundedQueue, KeepsOrderAndDrainsAfterClose) {
  BoundedQueue<int> queue(4);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(i));
  queue.close();
  EXPECT_FALSE(queue.push(9));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_FALSE(queue.pop().has_value());
}

TEST(BoundedQueue, NeverHoldsMoreThanItsCapacity) {
  BoundedQueue<int> queue(2);
  std::atomic<int> pushed{0};
  std::thread producer([&] {
    while (queue.push(pushed)) ++pushed;
  });
  while (pushed < 2) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(pushed, 2);
  EXPECT_EQ(queue.size(), 2U);
  queue.close();  // wakes the waiting producer
  producer.join();
}

TEST(BoundedQueue, EveryItemArrivesOnceAcrossThreads) {
  BoundedQueue<int> queue(8);
  constexpr int kEach = 2000;
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) queue.push(p * kEach + i);
    });
  }
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> consumers;
  for (int c = 0; c < 3; ++c) {
    consumers.emplace_back([&] {
      while (const auto item = queue.pop()) sum += *item;
    });
  }
  for (auto& thread : producers) thread.join();
  queue.close();
  for (auto& thread : consumers) thread.join();
  const int64_t n = 3 * kEach;
  EXPECT_EQ(sum, n * (n - 1) / 2);
}

TEST(BoundedQueue, AFailureReachesTheConsumerAfterWhatWasReady) {
  BoundedQueue<int> queue(4);
  queue.push(1);
  queue.fail(std::make_exception_ptr(Error(ErrorKind::data, {.what = "broken picture"})));
  queue.fail(std::make_exception_ptr(Error(ErrorKind::data, {.what = "a later one"})));
  EXPECT_FALSE(queue.push(2));
  EXPECT_EQ(queue.pop(), 1);
  for (int ask = 0; ask < 2; ++ask) {
    try {
      queue.pop();
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.info().what, "broken picture");
    }
  }
}

TEST(BoundedQueue, FailureWakesAWaitingConsumer) {
  BoundedQueue<int> queue(1);
  std::thread producer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.fail(std::make_exception_ptr(Error(ErrorKind::data, {.what = "x"})));
  });
  EXPECT_THROW(queue.pop(), Error);
  producer.join();
  EXPECT_GE(queue.wait_s(), 0.01);
}

}  // namespace
}  // namespace dermis
