// Is a text new against a pool of texts? ROUGE-L F of words (Lin, 2004): 2 LCS / (m + n), as in Self-Instruct.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace dermis {

// Of the lower-case words of both texts; 0 when either has none.
double rouge_l(const std::string& a, const std::string& b);

struct Neighbour {
  std::string id;
  double rouge = 0;
};

// Exact: a pool text is compared only where its length and the words it shares allow a score above the best so far
// (LCS <= shared words), which leaves few of thousands. Not thread-safe.
class NoveltyPool {
 public:
  // The pool's nearest texts, best first, at most `count`; only those that score above `floor`.
  std::vector<Neighbour> nearest(const std::string& text, size_t count, double floor) const;
  void add(const std::string& id, const std::string& text);
  size_t size() const { return texts_.size(); }

 private:
  struct Text {
    std::string id;
    std::vector<uint32_t> words;   // word numbers in order
    std::vector<uint32_t> sorted;  // the same, ascending
  };
  std::vector<uint32_t> numbers_of(const std::string& text) const;

  std::vector<Text> texts_;
  std::unordered_map<std::string, uint32_t> numbers_;
};

}  // namespace dermis
