#include "data/checks/novelty.h"

#include <algorithm>

#include "data/fields/text.h"

namespace dermis {
namespace {

template <typename Word>
size_t common_subsequence(const std::vector<Word>& a, const std::vector<Word>& b) {
  std::vector<size_t> row(b.size() + 1);
  for (const Word& word : a) {
    size_t diagonal = 0;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

double f_measure(size_t common, size_t a, size_t b) {
  return a + b == 0 ? 0 : 2.0 * static_cast<double>(common) / static_cast<double>(a + b);
}

size_t shared_words(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  size_t shared = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      ++shared;
      ++i;
      ++j;
    } else if (a[i] < b[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  return shared;
}

constexpr uint32_t kUnknownWord = ~uint32_t{0};

}  // namespace

double rouge_l(const std::string& a, const std::string& b) {
  const std::vector<std::string> first = words_of(a);
  const std::vector<std::string> second = words_of(b);
  if (first.empty() || second.empty()) return 0;
  return f_measure(common_subsequence(first, second), first.size(), second.size());
}

// Words outside the pool get numbers of their own from the top, so that they match nothing in the pool.
std::vector<uint32_t> NoveltyPool::numbers_of(const std::string& text) const {
  std::vector<uint32_t> numbers;
  uint32_t unknown = kUnknownWord;
  for (const std::string& word : words_of(text)) {
    const auto at = numbers_.find(word);
    numbers.push_back(at == numbers_.end() ? unknown-- : at->second);
  }
  return numbers;
}

std::vector<Neighbour> NoveltyPool::nearest(const std::string& text, size_t count, double floor) const {
  const std::vector<uint32_t> words = numbers_of(text);
  std::vector<uint32_t> sorted = words;
  std::sort(sorted.begin(), sorted.end());
  std::vector<Neighbour> best;
  for (const Text& other : texts_) {
    const double bound = best.size() == count ? best.back().rouge : floor;
    const size_t sum = words.size() + other.words.size();
    if (f_measure(std::min(words.size(), other.words.size()), sum, 0) <= bound) continue;
    if (f_measure(shared_words(sorted, other.sorted), sum, 0) <= bound) continue;
    const double rouge = f_measure(common_subsequence(words, other.words), sum, 0);
    if (rouge <= bound) continue;
    const auto at = std::upper_bound(best.begin(), best.end(), rouge,
                                     [](double value, const Neighbour& entry) { return value > entry.rouge; });
    best.insert(at, {other.id, rouge});
    if (best.size() > count) best.pop_back();
  }
  return best;
}

void NoveltyPool::add(const std::string& id, const std::string& text) {
  Text entry{id, {}, {}};
  for (const std::string& word : words_of(text)) {
    entry.words.push_back(numbers_.emplace(word, static_cast<uint32_t>(numbers_.size())).first->second);
  }
  entry.sorted = entry.words;
  std::sort(entry.sorted.begin(), entry.sorted.end());
  texts_.push_back(std::move(entry));
}

}  // namespace dermis
