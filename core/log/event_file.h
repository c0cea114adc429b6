// TensorBoard event files: TFRecord frames (length, data, masked CRC-32C of each) around protobuf Event messages.
// Field numbers: tensorboard/compat/proto/{event,summary,tensor}.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/io/file_descriptor.h"

namespace dermis {

class EventFile {
 public:
  // Makes "<folder>/events.out.tfevents.<seconds>.<host>.<process>". Each write reaches the file at once. `first_step`:
  // a resumed run repeats the steps from here on, and TensorBoard drops what an earlier file of the folder says of
  // them.
  explicit EventFile(const std::string& folder, int64_t first_step = 0);
  void scalar(int64_t step, std::string_view tag, double value);
  void text(int64_t step, std::string_view tag, std::string_view markdown);
  const std::string& path() const { return file_.path(); }

 private:
  void write_event(int64_t step, int field, std::string_view message);
  FileDescriptor file_;
};

}  // namespace dermis
