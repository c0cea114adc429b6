#include <queue>

#include "data/text/token_cutter.h"
#include "data/text/utf8.h"

namespace dermis {
namespace {

struct MergeRule {
  int32_t rank, whole;
};

// Symbols form a list; a merge keeps the left one and unlinks the right one.
struct Symbol {
  int32_t id, previous, next;
  bool alive = true;
};

struct Candidate {
  int32_t rank, position, whole;
  // The queue serves the lowest rank first and, among equals, the leftmost pair.
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

class BpeCutter : public TokenCutter {
 public:
  BpeCutter(const TokenDefinition& definition, const PieceIds& pieces)
      : pieces_(pieces), byte_ids_(byte_pieces(definition, pieces)), unknown_(definition.unknown) {
    rules_.reserve(definition.merges.size());
    for (size_t rank = 0; rank < definition.merges.size(); ++rank) {
      const auto [left, right] = definition.merges[rank];
      const std::string whole =
          definition.pieces[static_cast<size_t>(left)] + definition.pieces[static_cast<size_t>(right)];
      rules_[key(left, right)] = {static_cast<int32_t>(rank), pieces.find(whole)->second};
    }
  }

  void cut(std::string_view text, std::vector<int32_t>& ids) const override {
    std::vector<Symbol> symbols = characters(text);
    std::priority_queue<Candidate> queue;
    const auto offer = [&](int32_t left) {
      if (left < 0) return;
      const int32_t right = symbols[static_cast<size_t>(left)].next;
      if (right < 0) return;
      const auto rule = rules_.find(key(symbols[static_cast<size_t>(left)].id, symbols[static_cast<size_t>(right)].id));
      if (rule != rules_.end()) queue.push({rule->second.rank, left, rule->second.whole});
    };
    for (size_t i = 0; i < symbols.size(); ++i) offer(static_cast<int32_t>(i));
    while (!queue.empty()) {
      const Candidate best = queue.top();
      queue.pop();
      Symbol& left = symbols[static_cast<size_t>(best.position)];
      if (!left.alive || left.next < 0) continue;
      Symbol& right = symbols[static_cast<size_t>(left.next)];
      const auto rule = rules_.find(key(left.id, right.id));
      if (rule == rules_.end() || rule->second.whole != best.whole) continue;  // one side has changed since
      left.id = best.whole;
      left.next = right.next;
      right.alive = false;
      if (right.next >= 0) symbols[static_cast<size_t>(right.next)].previous = best.position;
      offer(left.previous);
      offer(best.position);
    }
    for (const auto& symbol : symbols) {
      if (symbol.alive) ids.push_back(symbol.id);
    }
  }

 private:
  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }

  // One symbol a character; unknown ones become byte pieces, or one <unk> a run.
  std::vector<Symbol> characters(std::string_view text) const {
    std::vector<int32_t> ids;
    bool in_unknown = false;
    for (size_t at = 0; at < text.size();) {
      const auto character = text.substr(at, character_length(text, at));
      at += character.size();
      const auto found = pieces_.find(character);
      const bool known = found != pieces_.end();
      if (known) ids.push_back(found->second);
      const bool unknown = !known && !append_bytes(character, byte_ids_, ids);
      if (unknown && !in_unknown && unknown_ >= 0) ids.push_back(unknown_);
      in_unknown = unknown;
    }
    std::vector<Symbol> symbols(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto index = static_cast<int32_t>(i);
      symbols[i] = {ids[i], index - 1, i + 1 < ids.size() ? index + 1 : -1};
    }
    return symbols;
  }

  const PieceIds& pieces_;
  std::vector<int32_t> byte_ids_;
  int32_t unknown_;
  std::unordered_map<uint64_t, MergeRule> rules_;
};

}  // namespace

std::unique_ptr<TokenCutter> make_bpe_cutter(const TokenDefinition& definition, const PieceIds& pieces) {
  return std::make_unique<BpeCutter>(definition, pieces);
}

}  // namespace dermis
