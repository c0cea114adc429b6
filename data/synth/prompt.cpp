#include "data/synth/prompt.h"

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/version.h"
#include "data/json_fields.h"

namespace dermis {
namespace {

std::string rules_of(const FieldPack& pack) {
  return "You are an expert who looks at one picture of a " + pack.subject +
         ". Answer from what the picture shows. The context is for you alone: use it to be right, never quote it, "
         "never "
         "say that you were given it. Do not claim certainty. Write plain English.";
}

std::string format_of(const PlannedRecord& plan) {
  std::string format = "Reply with one JSON object: ";
  if (plan.type->self_instruct) {
    format += R"({"question": "...", "answers": ["..."]}.)";
  } else {
    format += R"({"answers": ["..."]} with )" + std::to_string(plan.turns.size()) + " answers in the questions' order.";
  }
  return format;
}

std::string questions_of(const PlannedRecord& plan) {
  std::string text;
  for (size_t i = 0; i < plan.turns.size(); ++i) {
    const PlannedTurn& turn = plan.turns[i];
    if (plan.turns.size() > 1) text += std::to_string(i + 1) + ". ";
    text += turn.question;
    if (!turn.options.empty()) text += " (" + enumeration(turn.options, " or ") + ")";
    text += "\n";
  }
  return text;
}

ParsedReply problem(const std::string& text) {
  ParsedReply parsed;
  parsed.problem = text;
  return parsed;
}

// The reply's object; a null value when there is none even after the repair.
Json reply_object(const std::string& text, bool& repaired) {
  const auto parsed = [](const std::string& candidate) {
    try {
      return parse_json(candidate, "reply");
    } catch (const Error&) {
      return Json();
    }
  };
  Json object = parsed(text);
  if (object.is_object()) return object;
  const size_t open = text.find('{');
  const size_t close = text.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return Json();
  repaired = true;
  return parsed(text.substr(open, close - open + 1));
}

}  // namespace

std::string hidden_context_of(const PlannedRecord& plan, const FieldPack& pack) {
  std::string context;
  const auto add = [&](const std::string& name, const std::string& value) {
    context += (context.empty() ? "" : "\n") + name + ": " + value;
  };
  if (const ClassInfo* info = pack.find_class(plan.item->label)) {
    add("class", info->name);
    add("malignancy", info->malignancy);
    if (!info->group.empty()) add("group", pack.group_name(*info));
  }
  for (const Attribute& attribute : pack.attributes) {
    const auto at = plan.item->metadata.find(attribute.id);
    if (at != plan.item->metadata.end()) add(attribute.id, at->second);
  }
  for (const auto& [label, weight] : plan.item->differential) add("differential " + label, std::to_string(weight));
  for (const PlannedTurn& turn : plan.turns) {
    if (!turn.expected.empty()) add("right choice", turn.expected);
  }
  return context;
}

TeacherRequest make_request(const PlannedRecord& plan, const FieldPack& pack, const Teacher& teacher, uint64_t seed) {
  TeacherRequest request{.plan = &plan,
                         .rules = rules_of(pack),
                         .hidden_context = hidden_context_of(plan, pack),
                         .question = questions_of(plan),
                         .answer_format = format_of(plan),
                         .key = {},
                         .seed = seed};
  Sha256 hash;
  for (const std::string& part : {request.rules, request.hidden_context, request.question, request.answer_format,
                                  plan.id, plan.item->source, plan.item->sha256, teacher.name(), teacher.digest(),
                                  teacher.decoding().dump(), pack.digest, std::to_string(seed)}) {
    hash.add(std::to_string(part.size()) + ":" + part);
  }
  request.key = hash.hex();
  return request;
}

ParsedReply parse_reply(const PlannedRecord& plan, const TeacherReply& reply) {
  if (reply.finish_reason != "stop") return problem("the reply was cut off (" + reply.finish_reason + ")");
  ParsedReply parsed;
  const Json object = reply_object(reply.text, parsed.repaired);
  if (!object.is_object()) return problem("the reply holds no JSON object");
  const auto answers = object.find("answers");
  if (answers == object.end() || !answers->is_array()) return problem("the reply has no list 'answers'");
  if (answers->size() != plan.turns.size()) {
    return problem(std::to_string(answers->size()) + " answers to " + std::to_string(plan.turns.size()) + " questions");
  }
  for (size_t i = 0; i < plan.turns.size(); ++i) {
    const Json& answer = (*answers)[i];
    if (!answer.is_string()) return problem("an answer is no text");
    parsed.turns.push_back({plan.turns[i].question, answer.get<std::string>(), plan.turns[i].options});
  }
  if (plan.type->self_instruct) {
    const auto question = object.find("question");
    if (question == object.end() || !question->is_string()) return problem("the reply has no text 'question'");
    parsed.turns[0].question = question->get<std::string>();
  }
  return parsed;
}

Record make_record(const TeacherRequest& request, const FieldPack& pack, const Teacher& teacher,
                   const TeacherReply& reply, std::vector<Turn> turns) {
  const PlannedRecord& plan = *request.plan;
  const Item& item = *plan.item;
  Record record;
  record.id = plan.id;
  record.item = item.id;
  record.sha256 = item.sha256;
  record.phash = item.phash;
  record.group = item.group;
  record.patient = item.patient;
  record.lesion = item.lesion;
  record.split = item.split;
  record.source = item.source;
  record.version = item.version;
  record.licence = item.licence;
  record.attribution = item.attribution;
  record.modality = item.modality;
  record.label = item.label;
  record.label_basis = item.label_basis;
  record.differential = item.differential;
  record.strata = strata_of(item, pack);
  record.question_type = plan.type->id;
  for (const PlannedTurn& turn : plan.turns) {
    record.template_id += (record.template_id.empty() ? "" : ",") + turn.template_id;
  }
  record.template_version = pack.name + "-" + pack.digest.substr(0, 12);
  record.hidden_context = request.hidden_context;
  record.teacher = teacher.name();
  record.teacher_digest = teacher.digest();
  record.engine_version = version();
  record.finish_reason = reply.finish_reason;
  record.request_key = request.key;
  record.seed = request.seed;
  record.decoding = teacher.decoding();
  record.turns = std::move(turns);
  record.review = {{"state", "pending"}};
  return record;
}

}  // namespace dermis
