#include "data/synth/replies.h"

#include <filesystem>

#include "data/json_fields.h"

namespace dermis {

ReplyStore::ReplyStore(const std::string& path) {
  if (std::filesystem::exists(path)) {
    for_each_jsonl(
        path,
        [&](const JsonlLine& line) {
          JsonFields fields(line.json, line.where);
          const std::string key = fields.text("key");
          replies_[key] = {fields.text("reply"), fields.text("finish_reason")};
          fields.no_others();
        },
        TornLine::skip);
  }
  writer_ = std::make_unique<JsonlWriter>(path);
}

const TeacherReply* ReplyStore::find(const std::string& key) const {
  const auto at = replies_.find(key);
  return at == replies_.end() ? nullptr : &at->second;
}

void ReplyStore::add(const std::string& key, const TeacherReply& reply) {
  writer_->append({{"key", key}, {"reply", reply.text}, {"finish_reason", reply.finish_reason}});
  replies_[key] = reply;
}

}  // namespace dermis
