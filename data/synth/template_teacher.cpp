#include "data/synth/template_teacher.h"

#include "core/error.h"
#include "core/random.h"
#include "data/fields/grammar.h"
#include "data/json_fields.h"

namespace dermis {
namespace {

struct AnswerGrammar {
  Grammar question, text;
};

class TemplateTeacher : public Teacher {
 public:
  explicit TemplateTeacher(const FieldPack& pack) : pack_(pack) {
    for (const AnswerTemplate& answer : pack.answers) {
      grammars_[answer.type].push_back({Grammar::parse(answer.question, "answer " + answer.id + ", key question"),
                                        Grammar::parse(answer.text, "answer " + answer.id)});
    }
  }

  std::string name() const override { return "template"; }
  std::string digest() const override { return pack_.digest; }

  TeacherReply ask(const TeacherRequest& request) override {
    const PlannedRecord& plan = *request.plan;
    const auto values = placeholder_values(*plan.item, pack_);
    Json reply = Json::object();
    Json answers = Json::array();
    for (size_t i = 0; i < plan.turns.size(); ++i) {
      const PlannedTurn& turn = plan.turns[i];
      if (turn.type->closed()) {
        answers.push_back(turn.expected);
        continue;
      }
      Random random(request.seed, RandomPurpose::generation, stable_hash(request.key), i);
      const AnswerGrammar& grammar = draw(turn, values, random);
      if (turn.type->self_instruct) reply["question"] = sentence_case(grammar.question.expand(values, random));
      answers.push_back(sentence_case(grammar.text.expand(values, random)));
    }
    reply["answers"] = answers;
    return {reply.dump(), "stop"};
  }

 private:
  const AnswerGrammar& draw(const PlannedTurn& turn, const std::map<std::string, std::string>& values,
                            Random& random) const {
    std::vector<const AnswerGrammar*> usable;
    for (const AnswerGrammar& grammar : grammars_.at(turn.type->id)) {
      if (grammar.text.can_expand(values) && grammar.question.can_expand(values)) usable.push_back(&grammar);
    }
    if (usable.empty()) {
      throw Error(ErrorKind::data, {.what = "no answer template can be filled in from this item",
                                    .where = "question type " + turn.type->id,
                                    .fix = "add a template with fewer placeholders to answers.toml"});
    }
    return *usable[random.below(usable.size())];
  }

  const FieldPack& pack_;
  std::map<std::string, std::vector<AnswerGrammar>> grammars_;
};

}  // namespace

std::unique_ptr<Teacher> make_template_teacher(const FieldPack& pack) {
  return std::make_unique<TemplateTeacher>(pack);
}

}  // namespace dermis
