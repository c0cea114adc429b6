#include "benchmarks/commands.h"

#include "benchmarks/cmd/attention.h"
#include "benchmarks/cmd/data.h"
#include "benchmarks/cmd/operators.h"
#include "benchmarks/cmd/train.h"

namespace dermis {

void add_benchmark_commands(CommandTable& table) {
  table.add({"bench attention", "speed of attention, against ATen with a dense mask", bench_attention_command});
  table.add(
      {"bench data", "speed of decoding and resizing pictures, against torchvision and Pillow", bench_data_command});
  table.add({"bench operators", "bandwidth of the other operators, against a copy and LibTorch's operators",
             bench_operators_command});
  table.add({"bench train", "speed and memory of training, against transformers", bench_train_command});
}

}  // namespace dermis
