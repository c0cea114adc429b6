// Who writes the answers. A teacher sees a request and gives text back; what the text must look like is the request's
// answer format, whether it does is for the parser and the checks to say.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/synth/plan.h"

namespace dermis {

// The prompt in its four parts, and the facts it was made of, for teachers that need no text (template).
struct TeacherRequest {
  const PlannedRecord* plan = nullptr;
  std::string rules;           // role and rules
  std::string hidden_context;  // "name: value" lines; must not show in an answer
  std::string question;        // all turns' questions, numbered when there are several
  std::string answer_format;
  std::string key;  // 64 hex digits: SHA-256 of everything that determines the reply
  uint64_t seed = 0;
};

struct TeacherReply {
  std::string text;
  std::string finish_reason = "stop";  // "length": cut off
};

class Teacher {
 public:
  virtual ~Teacher() = default;
  virtual std::string name() const = 0;
  virtual std::string digest() const = 0;  // of weights, templates, ...: names what exactly answered
  virtual nlohmann::ordered_json decoding() const { return nlohmann::ordered_json::object(); }
  // Thread-safe. Error(data | device) when this request got no reply; the run goes on and counts it as failed.
  virtual TeacherReply ask(const TeacherRequest& request) = 0;
};

}  // namespace dermis
