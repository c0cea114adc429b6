#include "core/log/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <filesystem>

#include "core/io/hash.h"
#include "core/process.h"

namespace dermis {
namespace {

// Protobuf wire types.
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;
// Fields of Event.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
constexpr uint64_t kSessionStart = 1;
constexpr uint64_t kStringType = 7;       // tensorflow DT_STRING
constexpr uint64_t kDataClassTensor = 2;  // SummaryMetadata.data_class

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

template <typename T>
std::string little_endian(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string key(int field, unsigned wire_type) { return varint((static_cast<uint64_t>(field) << 3) | wire_type); }
std::string number_field(int field, uint64_t value) { return key(field, kVarint) + varint(value); }
std::string double_field(int field, double value) {
  return key(field, kFixed64) + little_endian(std::bit_cast<uint64_t>(value));
}
std::string float_field(int field, float value) {
  return key(field, kFixed32) + little_endian(std::bit_cast<uint32_t>(value));
}
std::string bytes_field(int field, std::string_view bytes) {
  return key(field, kBytes) + varint(bytes.size()) + std::string(bytes);
}

std::string masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(std::as_bytes(std::span(bytes)));
  return little_endian(static_cast<uint32_t>(std::rotr(crc, 15) + 0xA282EAD8U));
}

std::string frame(const std::string& data) {
  const std::string length = little_endian(static_cast<uint64_t>(data.size()));
  return length + masked_crc(length) + data + masked_crc(data);
}

std::string free_path(const std::string& folder) {
  const std::string stem = folder + "/events.out.tfevents." + std::to_string(static_cast<int64_t>(wall_clock_s())) +
                           "." + hardware().host + "." + std::to_string(::getpid());
  std::string path = stem + ".0";
  for (int i = 1; std::filesystem::exists(path); ++i) path = stem + "." + std::to_string(i);
  return path;
}

}  // namespace

EventFile::EventFile(const std::string& folder, int64_t first_step)
    : file_(free_path(folder), O_WRONLY | O_CREAT | O_APPEND | O_EXCL) {
  write_event(0, kFileVersion, "brain.Event:2");
  if (first_step > 0) write_event(first_step, kSessionLog, number_field(1, kSessionStart));
}

void EventFile::scalar(int64_t step, std::string_view tag, double value) {
  const std::string entry = bytes_field(1, tag) + float_field(2, static_cast<float>(value));
  write_event(step, kSummary, bytes_field(1, entry));
}

void EventFile::text(int64_t step, std::string_view tag, std::string_view markdown) {
  const std::string shape = bytes_field(2, number_field(1, 1));  // [1]
  const std::string tensor = number_field(1, kStringType) + bytes_field(2, shape) + bytes_field(8, markdown);
  const std::string metadata = bytes_field(1, bytes_field(1, "text")) + number_field(4, kDataClassTensor);
  const std::string entry = bytes_field(1, tag) + bytes_field(8, tensor) + bytes_field(9, metadata);
  write_event(step, kSummary, bytes_field(1, entry));
}

void EventFile::write_event(int64_t step, int field, std::string_view message) {
  const std::string data = frame(double_field(kWallTime, wall_clock_s()) +
                                 number_field(kStep, static_cast<uint64_t>(step)) + bytes_field(field, message));
  file_.write_all(std::as_bytes(std::span(data)));
}

}  // namespace dermis
