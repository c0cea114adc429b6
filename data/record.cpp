#include "data/record.h"

#include "core/error.h"
#include "data/json_fields.h"

namespace dermis {
namespace {

constexpr int kSchema = 1;

Json turns_to_json(const std::vector<Turn>& turns) {
  Json list = Json::array();
  for (const Turn& turn : turns) {
    list.push_back({{"question", turn.question}, {"answer", turn.answer}, {"options", turn.options}});
  }
  return list;
}

std::vector<Turn> turns_from_json(const Json& list, const std::string& where) {
  std::vector<Turn> turns;
  for (const Json& entry : list) {
    JsonFields fields(entry, where + ", turn " + std::to_string(turns.size() + 1));
    Turn turn{fields.text("question"), fields.text("answer"), fields.text_list("options")};
    fields.no_others();
    turns.push_back(std::move(turn));
  }
  if (turns.empty()) {
    throw Error(ErrorKind::data, {.what = "record has no turns", .where = where + ", field turns"});
  }
  return turns;
}

Json verdicts_to_json(const std::vector<Verdict>& verdicts) {
  Json list = Json::array();
  for (const Verdict& verdict : verdicts) {
    list.push_back(
        {{"check", verdict.check}, {"passed", verdict.passed}, {"score", verdict.score}, {"reason", verdict.reason}});
  }
  return list;
}

std::vector<Verdict> verdicts_from_json(const Json& list, const std::string& where) {
  std::vector<Verdict> verdicts;
  for (const Json& entry : list) {
    JsonFields fields(entry, where + ", check " + std::to_string(verdicts.size() + 1));
    Verdict verdict;
    verdict.check = fields.text("check");
    verdict.passed = fields.boolean_or("passed", true);
    verdict.score = fields.number_or("score", 0);
    verdict.reason = fields.text_or_empty("reason");
    fields.no_others();
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

void read_item_fields(JsonFields& fields, Record& record) {
  record.item = fields.text("item");
  record.sha256 = fields.text("sha256");
  record.phash = fields.text_or_empty("phash");
  record.group = fields.text_or_empty("group");
  record.patient = fields.text_or_empty("patient");
  record.lesion = fields.text_or_empty("lesion");
  record.split = fields.text_or_empty("split");
  record.source = fields.text("source");
  record.version = fields.text_or_empty("version");
  record.licence = fields.text("licence");
  record.attribution = fields.text_or_empty("attribution");
  record.modality = fields.text_or_empty("modality");
  record.label = fields.text("label");
  record.label_basis = fields.text_or_empty("label_basis");
  record.differential = fields.weights("differential");
  record.strata = fields.text_map("strata");
}

}  // namespace

Json to_json(const Record& record) {
  Json strata = Json::object();
  for (const auto& [name, value] : record.strata) strata[name] = value;
  return {{"schema", record.schema},
          {"id", record.id},
          {"item", record.item},
          {"sha256", record.sha256},
          {"phash", record.phash},
          {"group", record.group},
          {"patient", record.patient},
          {"lesion", record.lesion},
          {"split", record.split},
          {"source", record.source},
          {"version", record.version},
          {"licence", record.licence},
          {"attribution", record.attribution},
          {"modality", record.modality},
          {"label", record.label},
          {"label_basis", record.label_basis},
          {"differential", weights_to_json(record.differential)},
          {"strata", strata},
          {"question_type", record.question_type},
          {"template_id", record.template_id},
          {"template_version", record.template_version},
          {"hidden_context", record.hidden_context},
          {"teacher", record.teacher},
          {"teacher_digest", record.teacher_digest},
          {"engine_version", record.engine_version},
          {"finish_reason", record.finish_reason},
          {"request_key", record.request_key},
          {"seed", record.seed},
          {"decoding", record.decoding},
          {"turns", turns_to_json(record.turns)},
          {"checks", verdicts_to_json(record.checks)},
          {"review", record.review},
          {"weight", record.weight}};
}

Record record_from_json(const Json& json, const std::string& where) {
  JsonFields fields(json, where);
  Record record;
  record.schema = fields.integer("schema");
  if (record.schema != kSchema) {
    throw Error(ErrorKind::data, {.what = "record of another schema version",
                                  .where = where + ", field schema",
                                  .expected = std::to_string(kSchema),
                                  .found = std::to_string(record.schema),
                                  .fix = "write the records again with this version of Dermis"});
  }
  record.id = fields.text("id");
  read_item_fields(fields, record);
  record.question_type = fields.text("question_type");
  record.template_id = fields.text_or_empty("template_id");
  record.template_version = fields.text_or_empty("template_version");
  record.hidden_context = fields.text_or_empty("hidden_context");
  record.teacher = fields.text_or_empty("teacher");
  record.teacher_digest = fields.text_or_empty("teacher_digest");
  record.engine_version = fields.text_or_empty("engine_version");
  record.finish_reason = fields.text_or_empty("finish_reason");
  record.request_key = fields.text_or_empty("request_key");
  record.seed = fields.unsigned_or("seed", 0);
  record.decoding = fields.object_or_empty("decoding");
  record.turns = turns_from_json(fields.list_or_empty("turns"), where);
  record.checks = verdicts_from_json(fields.list_or_empty("checks"), where);
  record.review = fields.object_or_empty("review");
  record.weight = fields.number_or("weight", 1.0);
  fields.no_others();
  if (record.id.empty()) {
    throw Error(ErrorKind::data, {.what = "field 'id' is empty", .where = where + ", field id"});
  }
  if (record.weight < 0) {
    throw Error(ErrorKind::data, {.what = "negative training weight", .where = where + ", field weight"});
  }
  return record;
}

}  // namespace dermis
