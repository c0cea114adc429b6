// From a planned record to a request, and from the reply's text back to turns.
#pragma once

#include <optional>

#include "data/record.h"
#include "data/synth/teacher.h"

namespace dermis {

// What the teacher is told and the answer must not show: the class and all metadata, one "name: value" a line, and the
// right choices of closed questions.
std::string hidden_context_of(const PlannedRecord& plan, const FieldPack& pack);

// The key covers rules, context, questions, format, picture, teacher, its digest and decoding, pack digest and seed.
TeacherRequest make_request(const PlannedRecord& plan, const FieldPack& pack, const Teacher& teacher, uint64_t seed);

struct ParsedReply {
  std::vector<Turn> turns;
  bool repaired = false;  // the JSON object stood among other text
  std::string problem;    // why the reply cannot be used; "" when it can
};

// A reply is {"answers": [one text a turn]}, for self-instruct also "question". One repair is tried: the outermost
// {...} of a reply that is not JSON as a whole.
ParsedReply parse_reply(const PlannedRecord& plan, const TeacherReply& reply);

// Everything of the record that is known before the checks.
Record make_record(const TeacherRequest& request, const FieldPack& pack, const Teacher& teacher,
                   const TeacherReply& reply, std::vector<Turn> turns);

}  // namespace dermis
