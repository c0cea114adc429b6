#include "data/batch/order.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace dermis {
namespace {

constexpr int64_t kPeriod = 1024;
constexpr int kRounds = 8;

// Whole shares of kPeriod by largest remainders: their sum is exact and none is off by one or more.
std::vector<int64_t> whole_shares(const std::vector<DrawPool>& pools) {
  double total = 0;
  for (const auto& pool : pools) total += pool.weight;
  std::vector<int64_t> shares;
  std::vector<std::pair<double, size_t>> remainders;
  int64_t left = kPeriod;
  for (size_t i = 0; i < pools.size(); ++i) {
    const double exact = pools[i].weight / total * static_cast<double>(kPeriod);
    shares.push_back(static_cast<int64_t>(std::floor(exact)));
    left -= shares.back();
    remainders.emplace_back(std::floor(exact) - exact, i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (int64_t i = 0; i < left; ++i) ++shares[remainders[static_cast<size_t>(i)].second];
  return shares;
}

}  // namespace

Permutation::Permutation(uint64_t count, uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b) : count_(count) {
  while (count > uint64_t{1} << (2 * half_bits_)) ++half_bits_;
  Random random(seed, purpose, a, b);
  key_ = {random.bits(), random.bits()};
  tweak_ = {random.bits(), random.bits()};
}

uint64_t Permutation::operator()(uint64_t position) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t left = position >> half_bits_, right = position & mask;
    for (uint32_t round = 0; round < kRounds; ++round) {
      const auto noise = philox({static_cast<uint32_t>(right), round, tweak_[0], tweak_[1]}, key_);
      const uint64_t mixed = left ^ (noise[0] & mask);
      left = right;
      right = mixed;
    }
    position = left << half_bits_ | right;
  } while (position >= count_);
  return position;
}

SampleOrder::SampleOrder(std::vector<DrawPool> pools, uint64_t seed) : pools_(std::move(pools)), seed_(seed) {
  for (const auto& pool : pools_) {
    for (const auto& group : pool.groups) samples_ += static_cast<int64_t>(group.samples.size());
  }
  shares_ = whole_shares(pools_);
  int64_t slot = 0;
  for (const int64_t share : shares_) {
    first_slot_.push_back(slot);
    slot += share;
  }
}

Draw SampleOrder::at(int64_t position) const {
  DERMIS_CHECK(position >= 0, "position in the data");
  if (pools_.size() == 1) return draw(0, position);
  const int64_t period = position / kPeriod;
  const Permutation slots(kPeriod, seed_, RandomPurpose::mixing, static_cast<uint64_t>(period), 0);
  const auto slot = static_cast<int64_t>(slots(static_cast<uint64_t>(position % kPeriod)));
  size_t pool = pools_.size() - 1;
  while (first_slot_[pool] > slot) --pool;
  while (shares_[pool] == 0) --pool;
  return draw(pool, period * shares_[pool] + slot - first_slot_[pool]);
}

Draw SampleOrder::draw(size_t pool, int64_t n) const {
  const auto& groups = pools_[pool].groups;
  const auto count = static_cast<int64_t>(groups.size());
  size_t chosen = 0;
  if (count > 1) {
    const Permutation turn(groups.size(), seed_, RandomPurpose::order, static_cast<uint64_t>(n / count), pool << 1 | 1);
    chosen = turn(static_cast<uint64_t>(n % count));
  }
  const auto& group = groups[chosen];
  const int64_t nth = n / count;
  const auto size = static_cast<int64_t>(group.samples.size());
  const Permutation shuffled(group.samples.size(), seed_, RandomPurpose::order, static_cast<uint64_t>(nth / size),
                             group.id << 1);
  return {group.samples[shuffled(static_cast<uint64_t>(nth % size))], nth / size};
}

}  // namespace dermis
