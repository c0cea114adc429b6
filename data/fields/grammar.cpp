#include "data/fields/grammar.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace dermis {

struct Grammar::Node {
  enum class Kind { text, placeholder, optional, choice, sequence } kind = Kind::sequence;
  std::string text;
  std::vector<Node> children;  // choice: its alternatives, each a sequence
};

namespace {

using Node = Grammar::Node;

class Parser {
 public:
  Parser(const std::string& text, const std::string& where) : text_(text), where_(where) {}

  Node parse() {
    Node root = sequence("");
    if (at_ < text_.size()) fail(std::string("unexpected '") + text_[at_] + "'");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& found) const {
    throw Error(ErrorKind::data, {.what = "template text is malformed",
                                  .where = where_ + ", byte " + std::to_string(at_ + 1),
                                  .expected = "balanced {name} [optional] (one|other)",
                                  .found = found + " in \"" + text_ + "\"",
                                  .fix = "write \\ before a bracket that is meant as text"});
  }

  Node sequence(const std::string& ends) {
    Node node;
    std::string plain;
    const auto flush = [&] {
      if (!plain.empty()) node.children.push_back({Node::Kind::text, plain, {}});
      plain.clear();
    };
    while (at_ < text_.size() && ends.find(text_[at_]) == std::string::npos) {
      const char c = text_[at_];
      if (c == '}' || c == ']' || c == ')' || c == '|') fail(std::string("unexpected '") + c + "'");
      if (c == '{' || c == '[' || c == '(') {
        flush();
        node.children.push_back(bracket());
        continue;
      }
      if (c == '\\' && ++at_ == text_.size()) fail("a \\ at the end");
      plain += text_[at_++];
    }
    flush();
    return node;
  }

  Node bracket() {
    const char open = text_[at_++];
    Node node;
    if (open == '{') {
      const size_t end = text_.find('}', at_);
      if (end == std::string::npos) fail("a { without }");
      node.kind = Node::Kind::placeholder;
      node.text = text_.substr(at_, end - at_);
      if (node.text.empty()) fail("an empty {}");
      at_ = end + 1;
      return node;
    }
    node.kind = open == '[' ? Node::Kind::optional : Node::Kind::choice;
    while (true) {
      node.children.push_back(sequence(open == '[' ? "]" : "|)"));
      if (at_ == text_.size()) fail(std::string("a ") + open + " that is not closed");
      if (text_[at_++] != '|') return node;
    }
  }

  const std::string& text_;
  const std::string& where_;
  size_t at_ = 0;
};

void collect(const Node& node, std::vector<std::string>& names, bool with_optional) {
  if (node.kind == Node::Kind::placeholder) names.push_back(node.text);
  if (node.kind == Node::Kind::optional && !with_optional) return;
  for (const Node& child : node.children) collect(child, names, with_optional);
}

using Values = std::map<std::string, std::string>;

bool has_all(const std::vector<std::string>& names, const Values& values) {
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) { return values.contains(name); });
}

void expand_node(const Node& node, const Values& values, Random& random, std::string& out) {
  switch (node.kind) {
    case Node::Kind::text: out += node.text; return;
    case Node::Kind::placeholder: {
      const auto at = values.find(node.text);
      DERMIS_CHECK(at != values.end(), "no value for {" + node.text + "}");
      out += at->second;
      return;
    }
    case Node::Kind::optional: {
      std::vector<std::string> names;
      for (const Node& child : node.children) collect(child, names, false);
      if (!has_all(names, values)) return;
      break;
    }
    case Node::Kind::choice:
      expand_node(node.children[random.below(node.children.size())], values, random, out);
      return;
    case Node::Kind::sequence: break;
  }
  for (const Node& child : node.children) expand_node(child, values, random, out);
}

}  // namespace

Grammar Grammar::parse(const std::string& text, const std::string& where) {
  Grammar grammar;
  grammar.root_ = std::make_shared<Node>(Parser(text, where).parse());
  collect(*grammar.root_, grammar.required_, false);
  collect(*grammar.root_, grammar.all_, true);
  return grammar;
}

bool Grammar::can_expand(const Values& values) const { return has_all(required_, values); }

std::string Grammar::expand(const Values& values, Random& random) const {
  std::string out;
  expand_node(*root_, values, random, out);
  return out;
}

std::string sentence_case(const std::string& text) {
  std::string result = text;
  bool start = true;
  for (size_t i = 0; i < result.size(); ++i) {
    const auto c = static_cast<unsigned char>(result[i]);
    if (start && std::isalnum(c)) {
      result[i] = static_cast<char>(std::toupper(c));
      start = false;
    }
    const bool stop = c == '.' || c == '?' || c == '!';
    if (stop && (i + 1 == result.size() || result[i + 1] == ' ')) start = true;
  }
  return result;
}

}  // namespace dermis
