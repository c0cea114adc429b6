#include "data/generate/practice_set.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/io/hash.h"
#include "data/generate/class_profile.h"
#include "data/image/encode.h"
#include "data/image/phash.h"

namespace dermis {
namespace {

constexpr uint64_t kBlock = 8;  // pictures that may share a lesion or a patient

enum class Stream : uint64_t { grouping, patient, lesion, view };

Random stream_of(const PracticeOptions& options, Stream stream, uint64_t index) {
  const uint64_t site = static_cast<uint64_t>(options.site);
  return {options.seed, RandomPurpose::practice_image, 16 * site + static_cast<uint64_t>(stream), index};
}

struct Belonging {
  uint64_t lesion = 0;   // index of the first picture that shows it
  uint64_t patient = 0;  // index of the patient's first picture
};

Belonging belonging_of(const PracticeOptions& options, uint64_t index) {
  const uint64_t first = index / kBlock * kBlock;
  Random random = stream_of(options, Stream::grouping, first);
  Belonging belonging{first, first};
  for (uint64_t at = first + 1; at <= index; ++at) {
    const bool same_lesion = random.chance(0.22);
    const bool same_patient = random.chance(0.25);
    if (same_lesion) continue;
    belonging.lesion = at;
    if (!same_patient) belonging.patient = at;
  }
  return belonging;
}

LesionClass draw_class(const PracticeOptions& options, Random& random) {
  const SiteProfile& site = profile_of(options.site);
  std::vector<LesionClass> classes = options.classes;
  if (classes.empty()) {
    for (const auto& [kind, name] : EnumTraits<LesionClass>::kNames) classes.push_back(kind);
  }
  double total = 0;
  for (const LesionClass kind : classes) total += site.class_mix[static_cast<size_t>(kind)];
  double at = random.uniform() * total;
  for (const LesionClass kind : classes) {
    at -= site.class_mix[static_cast<size_t>(kind)];
    if (at < 0) return kind;
  }
  return classes.back();
}

Lesion lesion_of(const PracticeOptions& options, uint64_t index) {
  Random random = stream_of(options, Stream::lesion, index);
  const LesionClass kind = draw_class(options, random);
  return draw_lesion(kind, random);
}

struct Patient {
  std::string age, sex;  // age empty: not recorded
  bool hairy = false;
  Skin skin;
};

Patient patient_of(const PracticeOptions& options, uint64_t index) {
  // The first lesion has the patient's index: the complaint that brought them in.
  const ClassProfile& complaint = profile_of(lesion_of(options, index).kind);
  Random random = stream_of(options, Stream::patient, index);
  Patient patient;
  const double age = std::clamp(complaint.age + complaint.age_spread * random.normal(), 16.0, 95.0);
  const bool known = !random.chance(0.06);
  if (known) patient.age = std::to_string(5 * std::lround(age / 5));
  patient.sex = random.chance(0.5) ? "female" : "male";
  patient.hairy = random.chance(patient.sex == "male" ? 0.7 : 0.3);
  patient.skin = draw_skin(profile_of(options.site), age, random);
  return patient;
}

std::string body_site_of(const Lesion& lesion) {
  static constexpr const char* kSunny[] = {"head/neck", "head/neck", "head/neck", "upper extremity", "posterior torso"};
  static constexpr const char* kAny[] = {"anterior torso",  "posterior torso", "posterior torso",
                                         "lower extremity", "upper extremity", "head/neck"};
  const bool sun = lesion.kind == LesionClass::basal_cell_carcinoma || lesion.kind == LesionClass::actinic_keratosis ||
                   lesion.kind == LesionClass::squamous_cell_carcinoma;
  const uint32_t at = lesion.key >> 7;
  return sun ? kSunny[at % std::size(kSunny)] : kAny[at % std::size(kAny)];
}

Item describe(const PracticeOptions& options, uint64_t index, const Lesion& lesion, const Patient& patient,
              const View& view) {
  const std::string site(name_of_enum(options.site));
  const Belonging belonging = belonging_of(options, index);
  const auto named = [&](const char* what, uint64_t number) {
    return fmt::format("practice_{}_{}_{}{:07}", site, options.seed, what, number);
  };
  const auto flag = [](bool value) { return value ? "yes" : "no"; };
  Item item;
  item.id = named("", index);
  item.patient = named("patient_", belonging.patient);
  item.lesion = named("lesion_", belonging.lesion);
  item.width = options.size;
  item.height = options.size;
  item.source = "practice";
  item.version = "1-" + site;
  item.licence = "CC0-1.0";
  item.attribution = "Dermis practice images";
  item.modality = name_of_enum(view.modality);
  item.label = name_of_enum(lesion.kind);
  item.label_basis = "generated";
  item.metadata = {{"sex", patient.sex},
                   {"site", body_site_of(lesion)},
                   {"monk", std::to_string(patient.skin.monk)},
                   {"shape", lesion.shape()},
                   {"symmetry", lesion.asymmetric() ? "asymmetric" : "symmetric"},
                   {"border", lesion.border()},
                   {"colours", lesion.colour_list()},
                   {"structure", lesion.structure_list()},
                   {"surface", std::string(name_of_enum(lesion.surface))},
                   {"size", lesion.size(view.zoom)},
                   {"hair", flag(view.artefacts.hair.count > 0)},
                   {"ruler", flag(view.artefacts.ruler || view.artefacts.bar_ruler)},
                   {"ink", flag(view.artefacts.ink)},
                   {"lighting", lighting_of(view.camera, profile_of(options.site))},
                   {"device", view.modality == Modality::dermoscopic ? "dermatoscope" : "smartphone"}};
  if (!patient.age.empty()) item.metadata["age"] = patient.age;
  return item;
}

void check_options(const PracticeOptions& options) {
  if (options.size >= 16 && options.size <= 1024) return;
  throw Error(ErrorKind::usage, {.what = "size of practice images is out of range",
                                 .expected = "16 to 1024 pixels a side",
                                 .found = std::to_string(options.size)});
}

Item write_picture(const std::string& folder, const PracticeOptions& options, uint64_t index) {
  PracticeImage practice = make_practice_image(options, index);
  const std::vector<uint8_t> bytes = encode_jpeg(practice.image, practice.jpeg_quality);
  Item item = std::move(practice.item);
  item.image = "images/" + item.id + ".jpg";
  item.sha256 = sha256_hex(std::as_bytes(std::span(bytes)));
  item.phash = phash_text(perceptual_hash(decode_image(bytes, item.image)));
  AtomicFile file(folder + "/" + item.image);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
  return item;
}

}  // namespace

PracticeImage make_practice_image(const PracticeOptions& options, uint64_t index) {
  check_options(options);
  const Belonging belonging = belonging_of(options, index);
  const Lesion lesion = lesion_of(options, belonging.lesion);
  const Patient patient = patient_of(options, belonging.patient);
  const SiteProfile& site = profile_of(options.site);
  Random random = stream_of(options, Stream::view, index);
  const bool close = random.chance(site.dermoscopic_share);
  Modality modality = close ? Modality::dermoscopic : Modality::clinical;
  if (options.modalities.size() == 1) modality = options.modalities.front();
  const View view = draw_view(site, modality, lesion, patient.skin.monk, patient.hairy, random);
  Canvas canvas(options.size);
  paint_skin(canvas, patient.skin, view);
  paint_lesion(canvas, lesion, view);
  paint_artefacts(canvas, lesion, view);
  PracticeImage result;
  result.image = take_picture(canvas, view);
  result.jpeg_quality = view.camera.jpeg_quality;
  result.item = describe(options, index, lesion, patient, view);
  return result;
}

PracticeReport write_practice_set(const std::string& folder, int64_t count, const PracticeOptions& options,
                                  int threads) {
  check_options(options);
  const std::string list = folder + "/items.jsonl";
  if (std::filesystem::exists(list)) {
    throw Error(ErrorKind::data, {.what = "the folder already holds a data set",
                                  .where = list,
                                  .fix = "name another folder, or remove this one first"});
  }
  make_folder(folder + "/images");
  std::vector<Item> items(static_cast<size_t>(count));
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t i = next++; i < items.size() && !interrupt_requested(); i = next++) {
        items[i] = write_picture(folder, options, i);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = items.size();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int t = 1; t < threads; ++t) workers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  throw_if_interrupted("no list was written; run again to make the same pictures");
  write_items(list, items);
  PracticeReport report;
  report.images = count;
  for (const auto& [kind, name] : EnumTraits<LesionClass>::kNames) {
    const auto of_kind = [&label = name](const Item& item) { return item.label == label; };
    const auto number = std::count_if(items.begin(), items.end(), of_kind);
    if (number > 0) report.by_label.emplace_back(name, number);
  }
  return report;
}

}  // namespace dermis
