// The commands of this folder, each in the file named after it.
#pragma once

#include <string>
#include <vector>

#include "core/cli/command.h"

namespace dermis {

int run_data_generate(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_import(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_split(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_synth(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_shard(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_stats(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_show(const CommandTable& table, const std::vector<std::string>& arguments);
int run_data_check(const CommandTable& table, const std::vector<std::string>& arguments);
int run_tokenizer_train(const CommandTable& table, const std::vector<std::string>& arguments);

}  // namespace dermis
