#include <algorithm>
#include <limits>

#include "data/text/token_cutter.h"
#include "data/text/utf8.h"

namespace dermis {
namespace {

constexpr double kUnknownPenalty = 10.0;  // below the least likely piece

struct Node {  // the best way to reach a byte position
  double score = 0;
  int32_t id = -1;
  int64_t start = -1;  // -1: not reached yet
};

class UnigramCutter : public TokenCutter {
 public:
  UnigramCutter(const TokenDefinition& definition, const PieceIds& pieces)
      : pieces_(pieces),
        scores_(definition.scores),
        byte_ids_(byte_pieces(definition, pieces)),
        unknown_(definition.unknown) {
    double least = std::numeric_limits<double>::infinity();
    for (const double score : scores_) least = std::min(least, score);
    unknown_score_ = least - kUnknownPenalty;
    for (const auto& piece : definition.pieces) longest_ = std::max(longest_, piece.size());
  }

  void cut(std::string_view text, std::vector<int32_t>& ids) const override {
    const std::vector<Node> nodes = best_paths(text);
    struct Part {
      int32_t id;
      size_t start, end;
    };
    std::vector<Part> parts;  // from the last to the first; neighbouring unknowns are one
    for (size_t end = text.size(); end > 0;) {
      const auto start = static_cast<size_t>(nodes[end].start);
      if (nodes[end].id == unknown_ && !parts.empty() && parts.back().id == unknown_) {
        parts.back().start = start;
      } else {
        parts.push_back({nodes[end].id, start, end});
      }
      end = start;
    }
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      const auto part_text = text.substr(part->start, part->end - part->start);
      // Hugging Face looks every part up again, so that the very words of a piece are that piece, even "<unk>".
      const bool unknown = part->id == unknown_ && !pieces_.contains(part_text);
      if (unknown && append_bytes(part_text, byte_ids_, ids)) continue;
      if (part->id >= 0) ids.push_back(part->id);
    }
  }

 private:
  std::vector<Node> best_paths(std::string_view text) const {
    std::vector<Node> nodes(text.size() + 1);
    const auto offer = [&](size_t end, double score, int32_t id, size_t start) {
      Node& node = nodes[end];
      if (node.start < 0 || score > node.score) node = {score, id, static_cast<int64_t>(start)};
    };
    for (size_t start = 0; start < text.size();) {
      const size_t character = character_length(text, start);
      bool covered = false;
      const size_t reach = std::min(longest_, text.size() - start);
      for (size_t length = 1; length <= reach; ++length) {
        const auto found = pieces_.find(text.substr(start, length));
        if (found == pieces_.end()) continue;
        offer(start + length, nodes[start].score + scores_[static_cast<size_t>(found->second)], found->second, start);
        covered |= length == character;
      }
      if (!covered) offer(start + character, nodes[start].score + unknown_score_, unknown_, start);
      start += character;
    }
    return nodes;
  }

  const PieceIds& pieces_;
  std::vector<double> scores_;
  std::vector<int32_t> byte_ids_;
  int32_t unknown_;
  double unknown_score_ = 0;
  size_t longest_ = 0;
};

}  // namespace

std::unique_ptr<TokenCutter> make_unigram_cutter(const TokenDefinition& definition, const PieceIds& pieces) {
  return std::make_unique<UnigramCutter>(definition, pieces);
}

}  // namespace dermis
