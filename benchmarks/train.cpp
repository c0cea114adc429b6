#include "benchmarks/train.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "benchmarks/peer_process.h"
#include "benchmarks/train_batch.h"
#include "core/error.h"
#include "train/loop/step.h"

namespace dermis {
namespace {

double seconds_of(const auto& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

double peak_mib(const at::Device& device) {
  if (device.is_cuda()) {
    constexpr size_t kAllPools = 0;
    const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
    return static_cast<double>(stats.allocated_bytes[kAllPools].peak) / (1 << 20);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void wait_for(const at::Device& device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

std::string join(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

std::unique_ptr<PeerProcess> start_peer(const TrainBenchOptions& options, const std::string& geometry,
                                        const std::string& answers, const std::string& mode,
                                        const Placement& placement) {
  auto peer = std::make_unique<PeerProcess>(
      std::vector<std::string>{options.peer, options.peer_script, "--geometry", geometry, "--answers", answers,
                               "--mode", mode, "--threads", std::to_string(options.threads), "--device",
                               placement.device.str(), "--precision", precision_name(placement.compute), "--serve"});
  peer->read();  // ready: compiled and warm
  return peer;
}

// One process a mode. A compiler that does not take the model leaves the other mode to compare with.
std::vector<std::unique_ptr<PeerProcess>> start_peers(const TrainBenchOptions& options, const std::string& geometry,
                                                      const std::string& answers, TrainBenchResult& result) {
  std::vector<std::unique_ptr<PeerProcess>> peers;
  for (const std::string& mode : options.peer_modes) {
    try {
      peers.push_back(start_peer(options, geometry, answers, mode, result.placement));
    } catch (const Error& error) {
      if (peers.empty() && mode == options.peer_modes.back()) throw;
      fmt::print(stderr, "transformers, {}: {}\n", mode, error.info().what);
      continue;
    }
    result.peers.push_back({.name = "transformers, " + mode});
  }
  return peers;
}

nlohmann::json side_json(const TrainBenchSide& side, double samples) {
  return {{"name", side.name},
          {"samples_per_s", samples / quantile(side.step_s, 0.5)},
          {"step_s",
           {{"p10", quantile(side.step_s, 0.1)},
            {"p50", quantile(side.step_s, 0.5)},
            {"p90", quantile(side.step_s, 0.9)},
            {"min", quantile(side.step_s, 0)}}},
          {"peak_mib", side.peak_mib}};
}

}  // namespace

TrainBenchResult bench_train(const TrainBenchOptions& options,
                             const std::function<void(const TrainBenchResult&)>& alone) {
  const TrainGeometry geometry = train_geometry(options.preset, options.mixed, options.batch);
  const VlmConfig config = preset(options.preset);
  at::set_num_threads(options.threads);
  TrainBenchResult result;
  result.placement = choose_placement(options.device, options.precision, config, Purpose::training);
  const at::Device device = result.placement.device;
  Vlm model(config, 1, result.placement);
  Optimizer optimizer(model, {.weight_decay = 0.01});
  const std::vector<Batch> batches{random_batch(config, geometry, 1)};
  const StepContext context{.model = model, .optimizer = optimizer};
  result.samples = static_cast<double>(geometry.answer_tokens.size());
  result.flops = step_flops(config, geometry);
  result.dermis.name = "dermis";
  int64_t step = 0;
  const auto ours = [&] { result.loss = train_step(context, batches, ++step, 1e-4).loss; };
  ours();
  ours();
  const int steps = options.steps > 0 ? options.steps : std::max(1, static_cast<int>(1.0 / seconds_of(ours)));

  const auto own_repeat = [&] {
    result.dermis.step_s.push_back(seconds_of([&] {
                                     for (int i = 0; i < steps; ++i) ours();
                                     wait_for(device);
                                   }) /
                                   steps);
  };
  for (int repeat = 0; repeat < options.repeats; ++repeat) own_repeat();
  result.dermis.peak_mib = peak_mib(device);
  if (options.peer.empty()) return result;

  if (alone) alone(result);
  const auto peers = start_peers(options, geometry_json(config, geometry), join(geometry.answer_tokens), result);
  result.dermis.step_s.clear();
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    own_repeat();
    for (size_t i = 0; i < peers.size(); ++i)
      result.peers[i].step_s.push_back(peers[i]->run(steps).at("seconds").get<double>() / steps);
  }
  result.dermis.peak_mib = peak_mib(device);
  for (size_t i = 0; i < peers.size(); ++i) result.peers[i].peak_mib = peers[i]->finish().at("peak_mib");
  return result;
}

std::string describe(const TrainBenchOptions& options, const TrainBenchResult& result) {
  std::string text = fmt::format("training, {} ({}, {} threads, {} samples a step, answers {})\n", options.preset,
                                 describe(result.placement), options.threads, result.samples,
                                 options.mixed ? "of mixed length" : "of equal length");
  text +=
      fmt::format("{:<24}{:>12}{:>22}{:>12}{:>12}\n", "", "samples/s", "ms a step p10/50/90", "GFLOP/s", "peak MiB");
  std::vector<const TrainBenchSide*> sides{&result.dermis};
  for (const TrainBenchSide& peer : result.peers) sides.push_back(&peer);
  for (const TrainBenchSide* side : sides) {
    const double middle = quantile(side->step_s, 0.5);
    text += fmt::format("{:<24}{:>12.2f}{:>22}{:>12.1f}{:>12.0f}\n", side->name, result.samples / middle,
                        fmt::format("{:.0f}/{:.0f}/{:.0f}", 1e3 * quantile(side->step_s, 0.1), 1e3 * middle,
                                    1e3 * quantile(side->step_s, 0.9)),
                        result.flops / middle * 1e-9, side->peak_mib);
  }
  nlohmann::json json{{"bench", "train"},
                      {"preset", options.preset},
                      {"mixed", options.mixed},
                      {"threads", options.threads},
                      {"device", describe(result.placement)},
                      {"dtype", precision_name(result.placement.compute)},
                      {"samples_a_step", result.samples},
                      {"flops_a_step", result.flops},
                      {"loss", result.loss},
                      {"dermis", side_json(result.dermis, result.samples)}};
  if (!result.peers.empty()) {
    const auto faster = std::min_element(result.peers.begin(), result.peers.end(), [](const auto& a, const auto& b) {
      return quantile(a.step_s, 0.5) < quantile(b.step_s, 0.5);
    });
    const double speed = quantile(faster->step_s, 0.5) / quantile(result.dermis.step_s, 0.5);
    const double least = quantile(faster->step_s, 0) / quantile(result.dermis.step_s, 0);
    const double memory = result.dermis.peak_mib / faster->peak_mib;
    text += fmt::format("{:.2f} times the faster peer's speed (of the fastest repeats {:.2f}), {:.2f} of its memory\n",
                        speed, least, memory);
    for (const TrainBenchSide& peer : result.peers) json["peers"].push_back(side_json(peer, result.samples));
    json["speed_ratio"] = speed;
    json["speed_ratio_fastest"] = least;
    json["memory_ratio"] = memory;
  }
  return text + json.dump() + "\n";
}

}  // namespace dermis
