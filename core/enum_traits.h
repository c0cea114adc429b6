// One place a closed set of names is written down: text in files, on the command line and in errors comes from it.
//
//   template <>
//   struct EnumTraits<LongText> {
//     static constexpr EnumNames<LongText, 2> kNames{{{LongText::drop, "drop"}, {LongText::cut, "cut"}}};
//   };
//   name_of_enum(LongText::cut) == "cut";  parse_enum<LongText>("cut") == LongText::cut
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dermis {

template <typename E, size_t N>
using EnumNames = std::array<std::pair<E, std::string_view>, N>;

template <typename E>
struct EnumTraits;  // specialise beside the enum: kNames lists every value once

template <typename E>
concept NamedEnum = requires {
  EnumTraits<E>::kNames.size();
};

// "" for a value outside the list.
template <NamedEnum E>
constexpr std::string_view name_of_enum(E value) {
  for (const auto& [known, name] : EnumTraits<E>::kNames) {
    if (known == value) return name;
  }
  return {};
}

template <NamedEnum E>
constexpr std::optional<E> parse_enum(std::string_view text) {
  for (const auto& [value, name] : EnumTraits<E>::kNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

template <NamedEnum E>
std::vector<std::string> enum_names() {
  std::vector<std::string> names;
  for (const auto& entry : EnumTraits<E>::kNames) names.emplace_back(entry.second);
  return names;
}

}  // namespace dermis
