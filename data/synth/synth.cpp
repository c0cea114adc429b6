#include "data/synth/synth.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "data/checks/checks.h"
#include "data/checks/novelty.h"
#include "data/json_fields.h"
#include "data/synth/prompt.h"
#include "data/synth/replies.h"

namespace dermis {
namespace {

constexpr size_t kChunk = 512;     // requests asked before their replies go to disk
constexpr size_t kNeighbours = 3;  // nearest texts named in a novelty rejection

// Calls work(i) for i in [0, count) from `threads` threads; the first exception is thrown again.
template <typename Work>
void in_parallel(size_t count, int threads, const Work& work) {
  std::atomic<size_t> next{0};
  std::vector<std::exception_ptr> failures(static_cast<size_t>(std::max(1, threads)));
  std::vector<std::thread> workers;
  for (std::exception_ptr& failure : failures) {
    workers.emplace_back([&] {
      try {
        for (size_t i = next++; i < count; i = next++) work(i);
      } catch (...) {
        failure = std::current_exception();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

// One planned record on its way: its request, its reply and what became of it.
struct Passage {
  TeacherRequest request;
  const TeacherReply* reply = nullptr;
  std::string failure;  // the teacher gave no reply
  ParsedReply parsed;
  Record record;
};

class Synthesis {
 public:
  Synthesis(const std::vector<Item>& items, const FieldPack& pack, Teacher& teacher, const SynthOptions& options)
      : items_(items), pack_(pack), teacher_(teacher), options_(options) {}

  SynthReport run() {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<PlannedRecord> plan = plan_records(items_, pack_, options_.plan);
    if (plan.empty()) {
      throw Error(ErrorKind::data, {.what = "no question fits any item",
                                    .where = "plan",
                                    .expected = "items with a label or metadata that a question type needs",
                                    .fix = "choose another --style, --types or field pack"});
    }
    report_.field = pack_.name;
    report_.field_digest = pack_.digest;
    report_.teacher = teacher_.name();
    report_.items = static_cast<int64_t>(items_.size());
    report_.planned = static_cast<int64_t>(plan.size());
    report_.plan_digest = digest_of(plan);
    check_result(report_.plan_digest);
    make_folder(options_.out);
    ReplyStore replies(options_.out + "/replies.jsonl");
    AtomicFile accepted(options_.out + "/records.jsonl");
    AtomicFile rejected(options_.out + "/rejected.jsonl");
    for (size_t at = 0; at < plan.size(); at += kChunk) {
      std::vector<Passage> chunk(std::min(kChunk, plan.size() - at));
      ask_chunk(plan, at, chunk, replies);
      in_parallel(chunk.size(), options_.threads, [&](size_t i) { judge(chunk[i]); });
      for (Passage& passage : chunk) settle(passage, accepted, rejected);
      throw_if_interrupted("replies so far are kept; run the same command again to go on");
    }
    report_.items_with_records = static_cast<int64_t>(with_records_.size());
    reconcile();
    accepted.commit();
    rejected.commit();
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report_;
  }

 private:
  // The key of a request says nothing of its item's side and group, which the records repeat.
  std::string digest_of(const std::vector<PlannedRecord>& plan) const {
    std::vector<std::string> keys(plan.size());
    in_parallel(plan.size(), options_.threads,
                [&](size_t i) { keys[i] = make_request(plan[i], pack_, teacher_, options_.plan.seed).key; });
    Sha256 hash;
    for (const std::string& key : keys) hash.add(key);
    for (Item item : items_) {
      item.image.clear();  // where the picture lies does not matter
      hash.add(to_line(to_json(item)));
    }
    return hash.hex();
  }

  // The same run may be repeated or gone on with; the records of another one are not written over unasked.
  void check_result(const std::string& plan_digest) const {
    const std::string records = options_.out + "/records.jsonl", report = options_.out + "/synth_report.json";
    if (options_.replace || !std::filesystem::exists(records)) return;
    const Json before = std::filesystem::exists(report) ? parse_json(read_file(report), report) : Json::object();
    if (before.is_object() && before.value("plan_digest", Json()) == plan_digest) return;
    throw Error(ErrorKind::data, {.what = "the folder holds the records of another run",
                                  .where = records,
                                  .expected = "records of the same items, questions, teacher and field pack, or none",
                                  .fix = "name another folder with --out, or say --replace"});
  }

  // Replies that are not kept from before are asked for; they are stored in the plan's order.
  void ask_chunk(const std::vector<PlannedRecord>& plan, size_t at, std::vector<Passage>& chunk, ReplyStore& replies) {
    std::vector<TeacherReply> fresh(chunk.size());
    std::vector<char> asked(chunk.size());
    in_parallel(chunk.size(), options_.threads, [&](size_t i) {
      Passage& passage = chunk[i];
      passage.request = make_request(plan[at + i], pack_, teacher_, options_.plan.seed);
      if (replies.find(passage.request.key) != nullptr) return;
      try {
        fresh[i] = teacher_.ask(passage.request);
        asked[i] = 1;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::data && error.kind() != ErrorKind::device) throw;
        passage.failure = error.info().what;
      }
    });
    for (size_t i = 0; i < chunk.size(); ++i) {
      if (asked[i] != 0) replies.add(chunk[i].request.key, fresh[i]);
      chunk[i].reply = replies.find(chunk[i].request.key);
      if (chunk[i].reply != nullptr) ++(asked[i] != 0 ? report_.asked : report_.kept_from_before);
    }
  }

  // Everything that depends on this record alone.
  void judge(Passage& passage) const {
    if (passage.reply == nullptr) return;
    passage.parsed = parse_reply(*passage.request.plan, *passage.reply);
    if (!passage.parsed.problem.empty()) return;
    passage.record = make_record(passage.request, pack_, teacher_, *passage.reply, passage.parsed.turns);
    passage.record.checks = run_checks(passage.record, pack_);
  }

  void settle(Passage& passage, AtomicFile& accepted, AtomicFile& rejected) {
    if (passage.reply == nullptr) {
      ++report_.failed;
      report_.failures.emplace_back(passage.request.plan->id, passage.failure);
      return;
    }
    if (passage.parsed.repaired) ++report_.repaired;
    std::string check, reason = passage.parsed.problem;
    if (!reason.empty()) {
      check = "parse";
    } else {
      passage.record.checks.push_back(check_novelty(passage.record));
      for (const Verdict& verdict : passage.record.checks) {
        if (verdict.passed || !check.empty()) continue;
        check = verdict.check;
        reason = verdict.reason;
      }
    }
    if (check.empty()) {
      remember(passage.record);
      accepted.write(to_line(to_json(passage.record)));
      ++report_.accepted;
      ++report_.by_type[passage.record.question_type];
      ++report_.by_label[passage.record.label];
      with_records_.insert(passage.record.item);
      return;
    }
    ++report_.rejected[check];
    const Json record = check == "parse" ? Json() : to_json(passage.record);
    rejected.write(to_line({{"id", passage.request.plan->id},
                            {"request_key", passage.request.key},
                            {"check", check},
                            {"reason", reason},
                            {"reply", passage.reply->text},
                            {"record", record}}));
  }

  // Bank questions repeat by design, over all items; what must be new there is the text among those of one item. Texts
  // whose question the teacher wrote must be new among all of their kind. Closed answers are words of a list and
  // exempt.
  Verdict check_novelty(const Record& record) {
    const std::string text = novelty_text(record);
    if (text.empty()) return {"novelty", true, 0, ""};
    if (record.item != pool_item_) {
      item_pool_ = NoveltyPool();
      pool_item_ = record.item;
    }
    const bool own_question = pack_.find_type(record.question_type)->self_instruct;
    const auto nearest = (own_question ? global_pool_ : item_pool_).nearest(text, kNeighbours, 0);
    const double score = nearest.empty() ? 0 : nearest.front().rouge;
    if (score <= pack_.checks.novelty_rouge) return {"novelty", true, score, ""};
    std::string reason = "nearest:";
    for (const Neighbour& neighbour : nearest) {
      reason += " " + neighbour.id + " (" + std::to_string(neighbour.rouge).substr(0, 4) + ")";
    }
    return {"novelty", false, score, reason};
  }

  void remember(const Record& record) {
    const std::string text = novelty_text(record);
    if (text.empty()) return;
    item_pool_.add(record.id, text);
    if (pack_.find_type(record.question_type)->self_instruct) global_pool_.add(record.id, text);
  }

  static std::string novelty_text(const Record& record) {
    std::string text;
    for (const Turn& turn : record.turns) {
      if (turn.options.empty()) text += turn.question + "\n" + turn.answer + "\n";
    }
    return text;
  }

  void reconcile() const {
    int64_t sum = report_.accepted + report_.failed;
    for (const auto& [check, count] : report_.rejected) sum += count;
    if (sum != report_.planned) {
      throw Error(ErrorKind::internal, {.what = "synthesis counts do not add up",
                                        .where = options_.out,
                                        .expected = std::to_string(report_.planned),
                                        .found = std::to_string(sum)});
    }
    if (report_.accepted > 0) return;
    throw Error(ErrorKind::data,
                {.what = "no record was accepted",
                 .where = options_.out,
                 .found = report_.rejected.empty() ? "every request failed: " + report_.failures[0].second
                                                   : "first reason: " + report_.rejected.begin()->first});
  }

  const std::vector<Item>& items_;
  const FieldPack& pack_;
  Teacher& teacher_;
  const SynthOptions& options_;
  SynthReport report_;
  std::set<std::string> with_records_;
  NoveltyPool item_pool_, global_pool_;
  std::string pool_item_;
};

}  // namespace

SynthReport synthesise(const std::vector<Item>& items, const FieldPack& pack, Teacher& teacher,
                       const SynthOptions& options) {
  SynthReport report = Synthesis(items, pack, teacher, options).run();
  write_file_atomically(options.out + "/synth_report.json", to_json(report).dump(2) + "\n");
  write_file_atomically(options.out + "/synth_report.txt", report_text(report));
  return report;
}

}  // namespace dermis
