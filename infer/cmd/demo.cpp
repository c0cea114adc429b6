// dermis demo: the whole way, as command lines that a person could type one by one.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/cli/parse.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/atomic_folder.h"
#include "core/io/jsonl.h"
#include "core/process.h"
#include "data/generate/practice_set.h"
#include "data/item.h"
#include "infer/cmd/verbs.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string quoted(const std::string& word) {
  return word.find_first_of(" []'\"*?$&;|") == std::string::npos && !word.empty() ? word : "'" + word + "'";
}

std::string line_of(const Words& words) {
  std::string line = "dermis";
  for (const std::string& word : words) line += " " + quoted(word);
  return line;
}

// Runs the steps of one demo folder; steps that an earlier call finished are not run again.
class Steps {
 public:
  Steps(const CommandTable& table, const std::string& folder)
      : table_(table), path_((fs::path(folder) / "demo.jsonl").string()) {
    make_folder(folder);
    if (fs::exists(path_)) done_ = read_jsonl(path_, TornLine::skip);
  }

  void run(const std::string& title, const Words& words) {
    const std::string line = line_of(words);
    fmt::print("\n[{}] {}\n$ {}\n", at_ + 1, title, line);
    std::fflush(stdout);
    if (at_ < done_.size()) {
      const std::string earlier = done_[at_].value("command", "");
      if (earlier != line) {
        throw Error(ErrorKind::usage,
                    {.what = "the demo folder holds a demo with other options",
                     .where = path_ + ":" + std::to_string(at_ + 1),
                     .expected = line,
                     .found = earlier,
                     .fix = "give the options of the first call, choose another --out, or start over with --restart"});
      }
      fmt::print("done before, {:.0f} s\n", done_[at_].value("seconds", 0.0));
      seconds_ += done_[at_++].value("seconds", 0.0);
      return;
    }
    const double start = monotonic_s();
    const int code = table_.run(words);
    if (code != 0)
      throw Error(ErrorKind::data, {.what = "the step found defects", .where = line, .fix = "see its output above"});
    const double seconds = monotonic_s() - start;
    JsonlWriter(path_).append({{"command", line}, {"seconds", seconds}});
    seconds_ += seconds;
    ++at_;
    throw_if_interrupted("finished steps are kept; run the same command again to go on");
  }

  double seconds() const { return seconds_; }

 private:
  const CommandTable& table_;
  std::string path_;
  std::vector<nlohmann::ordered_json> done_;
  size_t at_ = 0;
  double seconds_ = 0;
};

// Only a folder that holds a demo.
void remove_demo(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(fs::path(folder) / "demo.jsonl", error)) return;
  fs::remove_all(folder, error);
  if (!error) return;
  throw Error(ErrorKind::data, {.what = "the folder cannot be removed",
                                .where = folder,
                                .found = error.message(),
                                .fix = "remove it yourself, or choose another --out"});
}

struct DemoOptions {
  std::string real, kind, out = "demo";
  double minutes = 9;
  int64_t practice = 2400;
  uint64_t seed = 1;
  bool restart = false;
};

// Which importer reads a folder of real images, told by the tables in it.
std::string kind_of(const std::string& folder) {
  const fs::path root(folder);
  if (!fs::is_directory(root)) {
    throw Error(
        ErrorKind::usage,
        {.what = "no folder of real images there", .where = folder, .fix = "give an existing folder with --real"});
  }
  if (fs::exists(root / "metadata.csv") && fs::exists(root / "images")) return "pad_ufes_20";
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.path().extension() == ".csv") return "isic";
  }
  return "folder";
}

// Of the minutes for the main job about two go into making data, evaluating and reporting; the rest is training: one
// pretraining and two equally long fine-tunings.
struct TrainingMinutes {
  double pretrain, finetune;
};
TrainingMinutes training_minutes(double minutes) {
  const double training = std::max(minutes / 3, minutes - 2.2);
  return {0.2 * training, 0.4 * training};
}

// The demo's 64-pixel pictures, and 96-pixel ones from half an hour on: in the default minutes both learn as much, in
// longer ones the larger learn more (docs/results.md).
Words picture_size(double minutes) { return minutes < 30 ? Words{} : Words{"model.geometry.image_size=96"}; }

// The base is drawn for the site: the classes and the modality that its pictures have and the generator knows.
Words practice_like(const std::string& items_file) {
  std::set<std::string> classes;
  std::set<std::string> modalities;
  for (const Item& item : read_items(items_file)) {
    if (parse_enum<LesionClass>(item.label)) classes.insert(item.label);
    modalities.insert(item.modality);
  }
  Words words;
  if (classes.size() >= 2) words = {"--classes", fmt::format("{}", fmt::join(classes, ","))};
  if (modalities.size() == 1 && (modalities.contains("dermoscopic") || modalities.contains("clinical"))) {
    words.insert(words.end(), {"--modality", *modalities.begin()});
  }
  return words;
}

// How many optimizer steps a stage given in minutes turned out to have: its run's log says so.
int64_t steps_of_run(const std::string& run_folder) {
  const std::string path = (fs::path(run_folder) / "log.jsonl").string();
  int64_t steps = 0;
  for (const auto& line : read_jsonl(path, TornLine::skip)) {
    if (line.value("event", "") == "stage_end") steps = line.value("steps", steps);
  }
  if (steps > 0) return steps;
  throw Error(ErrorKind::data, {.what = "the log of the run does not say how many steps it had",
                                .where = path,
                                .fix = "start over with --restart"});
}

std::string rounded(double value) { return fmt::format("{:.2f}", value); }

}  // namespace

int run_demo(const CommandTable& table, const std::vector<std::string>& words) {
  DemoOptions o;
  CLI::App app(
      "Generates practice pictures, writes questions and answers about them, pretrains a small model on them, "
      "fine-tunes it on the images of\n"
      "a site, evaluates on the held-out split, and does the same fine-tuning without pretraining: does synthetic "
      "pretraining help here?\n"
      "Without --real, practice pictures with other lighting, camera and class mix stand for the site.",
      "demo");
  app.add_option("--real", o.real, "folder of real images (ISIC or PAD-UFES-20 layout, or class sub-folders)");
  app.add_option("--kind", o.kind,
                 "importer for --real: isic | pad_ufes_20 | folder; default: told by the folder's tables");
  app.add_option("--out", o.out, "folder for everything")->capture_default_str();
  app.add_option("--minutes", o.minutes,
                 "for the main job on two cores; more gives training more, and from 30 on larger pictures; below 2 the "
                 "steps run but little is learnt")
      ->check(CLI::Range(0.1, 10000.0))
      ->capture_default_str();
  app.add_option("--practice", o.practice, "practice pictures to generate")
      ->check(CLI::Range(100, 1000000))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of everything random")->capture_default_str();
  app.add_flag("--restart", o.restart, "remove OUT first");
  if (!parse_arguments(app, words)) return 0;
  if (!o.real.empty() && o.kind.empty()) o.kind = kind_of(o.real);
  if (o.restart) remove_demo(o.out);

  const auto at = [&](const std::string& name) { return (fs::path(o.out) / name).string(); };
  const std::string seed = std::to_string(o.seed);
  // A step that ended just before a kill, and is not noted as done, is repeated: hence --replace.
  Steps steps(table, o.out);
  if (o.real.empty()) {
    steps.run("the site: practice pictures with other light, camera and class mix",
              {"data", "generate", at("site"), "--count", std::to_string(o.practice / 2), "--site", "b", "--size",
               "128", "--seed", seed});
    steps.run("leakage groups and splits before any text",
              {"data", "split", at("site/items.jsonl"), "--out", at("site_split"), "--val", "0.1", "--test", "0.3",
               "--seed", seed, "--replace"});
  } else {
    steps.run("the site: real images", {"data", "import", o.kind, o.real, "--out", at("site"), "--replace"});
    steps.run("leakage groups before any text; the official split kept, leaks mended",
              {"data", "split", at("site/items.jsonl"), "--out", at("site_split"), "--keep-official", "--fix-leaks",
               "--seed", seed, "--replace"});
  }
  Words generate{"data",   "generate", at("practice"), "--count", std::to_string(o.practice), "--site", "a",
                 "--size", "128",      "--seed",       seed};
  const Words like_site = o.real.empty() ? Words{} : practice_like(at("site_split/items.jsonl"));
  generate.insert(generate.end(), like_site.begin(), like_site.end());
  steps.run("practice pictures: the synthetic base", generate);
  steps.run("their leakage groups and splits",
            {"data", "split", at("practice/items.jsonl"), "--out", at("practice_split"), "--val", "0.05", "--test",
             "0.05", "--seed", seed, "--replace"});
  for (const std::string name : {"practice", "site"}) {
    Words synth{"data",   "synth", at(name + "_split/items.jsonl"), "--out", at(name + "_text"), "--style", "short",
                "--seed", seed};
    if (name == "site") {  // the diagnosis alone: from the picture, and with what is known of the patient
      synth.insert(synth.end(), {"--types", "diagnosis_closed,diagnosis_in_context,diagnosis_part_context",
                                 "--questions-per-item", "0"});
    }
    steps.run("questions and answers: " + name, synth);
    steps.run("shards: " + name, {"data", "shard", at(name + "_split/items.jsonl"), at(name + "_text/records.jsonl"),
                                  "--out", at(name + "_shards"), "--max-side", "192", "--replace"});
  }
  steps.run("tokenizer from the training text",
            {"tokenizer", "train", at("practice_shards/train"), at("site_shards/train"), "--vocabulary", "512", "--out",
             at("tokenizer.model")});

  const TrainingMinutes minutes = training_minutes(o.minutes);
  const Words larger = picture_size(o.minutes);
  const auto set = [](Words line, const Words& values) {
    for (const std::string& value : values) line.insert(line.end(), {"--set", value});
    return line;
  };
  const auto plus = [](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  const bool has_validation = fs::exists(at("site_shards/val"));
  const auto finetune = [&](const std::string& run, const Words& model, const Words& length) {
    Words values = plus(plus(model, {"seed=" + seed, "stages[0].data[0].shards=" + at("site_shards/train")}), length);
    values.push_back(has_validation ? "stages[0].validation.shards=[\"" + at("site_shards/val") + "\"]"
                                    : "stages[0].validation.shards=[]");
    return set({"train", "demo_finetune", "--out", at(run), "--resume"}, values);
  };
  steps.run("pretraining on the synthetic base",
            set({"train", "demo_pretrain", "--out", at("pretrain"), "--resume"},
                plus({"seed=" + seed, "model.tokenizer=" + at("tokenizer.model"),
                      "stages[0].minutes=" + rounded(minutes.pretrain),
                      "stages[0].data[0].shards=" + at("practice_shards/train"),
                      "stages[0].validation.shards=[\"" + at("practice_shards/val") + "\"]"},
                     larger)));
  // From the whole pretraining pictures of a site were learnt worse than from nothing, from a quarter of it not
  // (docs/results.md).
  steps.run("fine-tuning on the site, from a quarter of the pretraining: a quarter of its weights, the rest fresh ones",
            finetune("finetune", {"model.start=" + at("pretrain/model"), "model.start_share=0.25"},
                     {"stages[0].minutes=" + rounded(minutes.finetune)}));
  // As many steps, not as many minutes: the machine's speed must not decide the comparison.
  steps.run("the same fine-tuning without pretraining, from the fresh weights alone",
            finetune("scratch", plus({"model.preset=demo", "model.tokenizer=" + at("tokenizer.model")}, larger),
                     {"stages[0].minutes=0", "stages[0].epochs=0",
                      "stages[0].steps=" + std::to_string(steps_of_run(at("finetune")))}));
  for (const std::string run : {"finetune", "scratch"}) {
    Words evaluate{"eval",
                   at(run + "/model"),
                   at("site_shards/test"),
                   "--out",
                   at(run + "/eval"),
                   "--questions",
                   "diagnosis_closed,diagnosis_in_context",
                   "--views",
                   "8",
                   "--crops",
                   "1,0.87,0.75",
                   "--title",
                   (o.real.empty() ? "Practice site" : fs::path(o.real).filename().string()) +
                       (run == "finetune" ? ", pretrained and fine-tuned" : ", fine-tuned only")};
    if (has_validation) evaluate.insert(evaluate.end(), {"--correct-on", at("site_shards/val")});
    steps.run("evaluation on the held-out split: " + run, evaluate);
  }
  steps.run("does synthetic pretraining help here?",
            {"compare", at("scratch/eval"), at("finetune/eval"), "--names", "without pretraining,with pretraining",
             "--runs", at("scratch") + "," + at("finetune"), "--out", at("compare.html"), "--title",
             "Does synthetic pretraining help here?", "--note",
             "With pretraining: fine-tuning began at a quarter of the pretrained weights and three quarters of the "
             "fresh ones (model.start_share = 0.25). Without: at the fresh weights. Recipe, shards and number of steps "
             "are the same."});
  fmt::print("\nall steps: {:.1f} minutes\nreports: {}  {}  {}\n", steps.seconds() / 60,
             at("finetune/eval/report.html"), at("scratch/eval/report.html"), at("compare.html"));
  return 0;
}

}  // namespace dermis
