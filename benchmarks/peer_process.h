// A peer kept running beside the benchmark, so that its runs and ours can be interleaved: it prints a JSON line when it
// is ready, answers "run N" with a JSON line, and prints its summary when its input closes.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dermis {

class PeerProcess {
 public:
  // Starts `words` (program and arguments). Error(usage) when it cannot be started.
  explicit PeerProcess(std::vector<std::string> words);
  ~PeerProcess();  // ends a peer that still runs
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  // The next line that is a JSON object; other output is passed over. Error(data) when the peer ended instead.
  nlohmann::json read();
  nlohmann::json run(int steps);
  nlohmann::json finish();  // closes its input, returns its summary

 private:
  std::string name_, command_;
  pid_t process_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace dermis
