#include "models/weights/hf_processor.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/io/atomic_file.h"
#include "models/weights/hf_json.h"

namespace dermis {
namespace {

constexpr const char* kFix = "take the model's original file; pictures would otherwise enter differently";

int read_size(const HfJson& fields) {
  const auto size = fields.object("size");
  if (!size) fields.reject("size", "{\"height\": S, \"width\": S}", kFix);
  const auto height = size->integer("height"), width = size->integer("width");
  if (!height || !width || *height != *width) fields.reject("size", "{\"height\": S, \"width\": S}, square", kFix);
  return static_cast<int>(*height);
}

ImageFormat read_format(const HfJson& fields) {
  for (const char* step : {"do_resize", "do_rescale", "do_normalize"}) {
    if (!fields.boolean(step).value_or(true)) fields.reject(step, "true", kFix);
  }
  constexpr double kRescale = 1.0 / 255.0, kTolerance = 1e-9;
  const double factor = fields.number("rescale_factor").value_or(kRescale);
  if (factor < kRescale - kTolerance || factor > kRescale + kTolerance)
    fields.reject("rescale_factor", "1 / 255", kFix);
  ImageFormat format;
  format.size = read_size(fields);
  const int64_t filter = fields.integer("resample").value_or(static_cast<int64_t>(ResampleFilter::bicubic));
  if (filter > static_cast<int64_t>(ResampleFilter::hamming))
    fields.reject("resample", "0 nearest, 1 lanczos, 2 bilinear, 3 bicubic, 4 box or 5 hamming", kFix);
  format.filter = static_cast<ResampleFilter>(filter);
  format.mean = fields.triple("image_mean").value_or(format.mean);
  format.std = fields.triple("image_std").value_or(format.std);
  return format;
}

void write_json(const std::string& folder, const char* name, const nlohmann::ordered_json& json) {
  write_file_atomically((std::filesystem::path(folder) / name).string(), json.dump(2) + "\n");
}

// Shortest decimal of a float, so that 0.5 does not become 0.50000000000000001.
double shortest(float value) { return std::stod(nlohmann::json(value).dump()); }

}  // namespace

ImageFormat load_image_format(const std::string& folder, const VisionConfig& vision, std::string* note) {
  const std::string old_file = (std::filesystem::path(folder) / "preprocessor_config.json").string();
  if (std::filesystem::exists(old_file)) {
    const nlohmann::json json = read_json_object(old_file);
    return read_format(HfJson(json, old_file));
  }
  const std::string new_file = (std::filesystem::path(folder) / "processor_config.json").string();
  if (std::filesystem::exists(new_file)) {
    const nlohmann::json json = read_json_object(new_file);
    const HfJson fields(json, new_file);
    if (const auto image_processor = fields.object("image_processor")) return read_format(*image_processor);
  }
  ImageFormat format;
  format.size = static_cast<int>(vision.image_size);
  if (note != nullptr)
    *note = "no preprocessor_config.json: SigLIP's own picture settings are used (bicubic, mean 0.5, std 0.5)";
  return format;
}

void save_processor_files(const VlmConfig& config, const std::string& folder) {
  const ImageFormat& image = config.image;
  nlohmann::ordered_json mean = nlohmann::ordered_json::array(), std = mean;
  for (size_t channel = 0; channel < image.mean.size(); ++channel) {
    mean.push_back(shortest(image.mean[channel]));
    std.push_back(shortest(image.std[channel]));
  }
  const nlohmann::ordered_json image_processor = {{"image_processor_type", "SiglipImageProcessor"},
                                                  {"image_seq_length", config.vision.patches()},
                                                  {"do_convert_rgb", true},
                                                  {"do_resize", true},
                                                  {"size", {{"height", image.size}, {"width", image.size}}},
                                                  {"resample", static_cast<int>(image.filter)},
                                                  {"do_rescale", true},
                                                  {"rescale_factor", 1.0 / 255.0},
                                                  {"do_normalize", true},
                                                  {"image_mean", mean},
                                                  {"image_std", std}};
  nlohmann::ordered_json with_class = image_processor;
  with_class["processor_class"] = "PaliGemmaProcessor";
  write_json(folder, "preprocessor_config.json", with_class);
  write_json(folder, "processor_config.json",
             {{"image_processor", image_processor}, {"processor_class", "PaliGemmaProcessor"}});
  // image_token makes transformers append <image> behind the SentencePiece pieces: image_token_index of config.json.
  write_json(folder, "tokenizer_config.json",
             {{"tokenizer_class", "GemmaTokenizer"},
              {"processor_class", "PaliGemmaProcessor"},
              {"bos_token", "<bos>"},
              {"eos_token", "<eos>"},
              {"pad_token", "<pad>"},
              {"unk_token", "<unk>"},
              {"image_token", "<image>"},
              {"extra_special_tokens", {{"image_token", "<image>"}}},
              {"add_bos_token", false},
              {"add_eos_token", false},
              {"clean_up_tokenization_spaces", false},
              {"model_max_length", config.language.max_positions}});
  write_json(folder, "generation_config.json",
             {{"bos_token_id", config.bos}, {"eos_token_id", config.eos}, {"pad_token_id", config.pad}});
}

}  // namespace dermis
