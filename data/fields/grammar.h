// The little grammar of questions and template answers:
//   {name}   a placeholder          [text]   left out when a placeholder inside has no value
//   (a|b|c)  one of these, drawn    \c       the character c itself
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"

namespace dermis {

class Grammar {
 public:
  // Error(data) names `where` and the byte of an unbalanced bracket or an empty placeholder.
  static Grammar parse(const std::string& text, const std::string& where);

  const std::vector<std::string>& required() const { return required_; }  // placeholders outside [ ]
  const std::vector<std::string>& all() const { return all_; }
  bool can_expand(const std::map<std::string, std::string>& values) const;
  // Error(internal) when a required value is missing: ask can_expand first.
  std::string expand(const std::map<std::string, std::string>& values, Random& random) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
  std::vector<std::string> required_, all_;
};

// Capital letters at the start of the text and after . ? !
std::string sentence_case(const std::string& text);

}  // namespace dermis
