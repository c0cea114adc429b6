#include "benchmarks/peer_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "core/error.h"

namespace dermis {

PeerProcess::PeerProcess(std::vector<std::string> words)
    : name_(words.at(0)), command_(fmt::format("{}", fmt::join(words, " "))) {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorKind::internal, {.what = "no pipe to the peer", .where = name_});
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  process_ = fork();
  if (process_ == 0) {
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  to_ = fdopen(input[1], "w");
  from_ = fdopen(output[0], "r");
  if (process_ < 0 || to_ == nullptr || from_ == nullptr) {
    throw Error(ErrorKind::usage, {.what = "the peer cannot be started", .where = name_});
  }
  signal(SIGPIPE, SIG_IGN);  // a peer that died shows at the next read
}

PeerProcess::~PeerProcess() {
  if (to_ != nullptr) fclose(to_);
  if (from_ != nullptr) fclose(from_);
  if (process_ > 0) {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }
}

nlohmann::json PeerProcess::read() {
  char* line = nullptr;
  size_t capacity = 0;
  while (getline(&line, &capacity, from_) > 0) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    free(line);
    return json;
  }
  free(line);
  throw Error(ErrorKind::data, {.what = "the peer ended before it answered",
                                .where = name_,
                                .fix = "its own message is above; by hand: " + command_});
}

nlohmann::json PeerProcess::run(int steps) {
  fprintf(to_, "run %d\n", steps);
  fflush(to_);
  return read();
}

nlohmann::json PeerProcess::finish() {
  fclose(to_);
  to_ = nullptr;
  nlohmann::json summary = read();
  waitpid(process_, nullptr, 0);
  process_ = -1;
  return summary;
}

}  // namespace dermis
