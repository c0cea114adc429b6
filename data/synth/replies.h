// Replies by request key, kept on disk as they come: what makes a killed run resume.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/io/jsonl.h"
#include "data/synth/teacher.h"

namespace dermis {

class ReplyStore {
 public:
  // Opens or makes `path`; a line that a killed run left torn is cut off.
  explicit ReplyStore(const std::string& path);
  const TeacherReply* find(const std::string& key) const;
  void add(const std::string& key, const TeacherReply& reply);  // appends one line
  size_t size() const { return replies_.size(); }

 private:
  std::unordered_map<std::string, TeacherReply> replies_;
  std::unique_ptr<JsonlWriter> writer_;
};

}  // namespace dermis
