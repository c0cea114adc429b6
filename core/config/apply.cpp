#include "core/config/apply.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/nearest_name.h"

namespace dermis {
namespace {

using Entry = std::variant<ConfigField, ConfigSection, ConfigSectionList>;

ErrorKind kind_of(const ConfigValue& value) { return value.from_command_line ? ErrorKind::usage : ErrorKind::data; }

const std::string& name_of_entry(const Entry& entry) {
  return std::visit([](const auto& each) -> const std::string& { return each.name; }, entry);
}

std::string join(const std::string& path, const std::string& name) { return path.empty() ? name : path + "." + name; }

std::string at_index(const std::string& path, size_t index) { return path + "[" + std::to_string(index) + "]"; }

const Entry& find_entry(const ConfigSchema& schema, const std::string& path, const std::string& name,
                        const ConfigValue& value) {
  std::vector<std::string> names;
  for (const Entry& entry : schema.entries) {
    if (name_of_entry(entry) == name) return entry;
    names.push_back(name_of_entry(entry));
  }
  std::string known;
  for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
  const std::string near = nearest_name(name, names);
  throw Error(kind_of(value),
              {.what = "unknown key '" + join(path, name) + "'",
               .where = value.origin,
               .expected = known,
               .found = name,
               .fix = near.empty() ? "remove the key or use one of those expected" : "did you mean '" + near + "'?"});
}

void apply_table(const ConfigSchema& schema, const std::string& path, const ConfigValue& table, ConfigOrigins& origins);

const ConfigTable& as_table(const ConfigValue& value, const std::string& path) {
  const ConfigTable* table = std::get_if<ConfigTable>(&value.data);
  if (table == nullptr) reject_type({path, {}}, value, "a table");
  return *table;
}

void forget_below(const std::string& path, ConfigOrigins& origins) {
  std::erase_if(origins, [&](const auto& origin) { return origin.first.starts_with(path + "["); });
}

void apply_entry(const Entry& entry, const std::string& path, const ConfigValue& value, ConfigOrigins& origins) {
  if (const auto* field = std::get_if<ConfigField>(&entry)) {
    field->assign(value, {path, field->limits});
    origins[path] = value.origin;
  } else if (const auto* section = std::get_if<ConfigSection>(&entry)) {
    apply_table(*section->schema, path, value, origins);
  } else {
    const auto& list = std::get<ConfigSectionList>(entry);
    const ConfigList* items = std::get_if<ConfigList>(&value.data);
    if (items == nullptr) reject_type({path, {}}, value, "a list of tables, [[" + path + "]]");
    list.reset(items->items.size());
    forget_below(path, origins);
    origins[path] = value.origin;
    for (size_t i = 0; i < items->items.size(); ++i) {
      apply_table(list.section(i), at_index(path, i), items->items[i], origins);
    }
  }
}

void apply_table(const ConfigSchema& schema, const std::string& path, const ConfigValue& table,
                 ConfigOrigins& origins) {
  for (const auto& [name, value] : as_table(table, path).entries) {
    apply_entry(find_entry(schema, path, name, value), join(path, name), value, origins);
  }
}

// One piece of a --set path: a name and perhaps an index, "stages[0]".
struct PathPiece {
  std::string name;
  std::optional<size_t> index;
};

[[noreturn]] void reject_path(const ConfigValue& value, const std::string& what, const std::string& expected) {
  throw Error(ErrorKind::usage, {.what = what, .where = value.origin, .expected = expected});
}

std::vector<PathPiece> split_path(const std::string& path, const ConfigValue& value) {
  std::vector<PathPiece> pieces;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('.', begin), path.size());
    PathPiece piece{path.substr(begin, end - begin), std::nullopt};
    const size_t bracket = piece.name.find('[');
    if (bracket != std::string::npos) {
      size_t index = 0;
      const char* last = piece.name.data() + piece.name.size() - 1;
      const auto parsed = std::from_chars(piece.name.data() + bracket + 1, last, index);
      if (*last != ']' || parsed.ec != std::errc() || parsed.ptr != last) {
        reject_path(value, "'" + piece.name + "' is not a key with an index", "for instance stages[0]");
      }
      piece.index = index;
      piece.name.resize(bracket);
    }
    pieces.push_back(piece);
    begin = end + 1;
  }
  return pieces;
}

void apply_pieces(const ConfigSchema& schema, std::span<const PathPiece> pieces, const std::string& path,
                  const ConfigValue& value, ConfigOrigins& origins) {
  const PathPiece& piece = pieces.front();
  const Entry& entry = find_entry(schema, path, piece.name, value);
  const std::string here = join(path, piece.name);
  const auto* field = std::get_if<ConfigField>(&entry);
  const auto* section = std::get_if<ConfigSection>(&entry);
  const auto* list = std::get_if<ConfigSectionList>(&entry);
  if (piece.index) {
    if (list == nullptr) reject_path(value, "'" + here + "' takes no index", "the whole value, " + here + "=...");
    if (*piece.index >= list->size()) {
      reject_path(
          value, "'" + here + "' has no entry " + std::to_string(*piece.index),
          list->size() == 0 ? "no index: the list is empty" : "an index from 0 to " + std::to_string(list->size() - 1));
    }
    const ConfigSchema element = list->section(*piece.index);
    const std::string element_path = at_index(here, *piece.index);
    if (pieces.size() == 1) return apply_table(element, element_path, value, origins);
    return apply_pieces(element, pieces.subspan(1), element_path, value, origins);
  }
  if (pieces.size() == 1) return apply_entry(entry, here, value, origins);
  if (section != nullptr) return apply_pieces(*section->schema, pieces.subspan(1), here, value, origins);
  if (list != nullptr) reject_path(value, "'" + here + "' is a list", "an index, " + here + "[0]." + pieces[1].name);
  if (field->assign_entry && pieces.size() == 2 && !pieces[1].index) {
    field->assign_entry(pieces[1].name, value, {join(here, pieces[1].name), field->limits});
    origins[here] = value.origin;
    return;
  }
  reject_path(value, "'" + here + "' has no keys below it", here + "=" + field->type);
}

void check_section(const ConfigSchema& schema, const std::string& path, const ConfigOrigins& origins,
                   const std::string& source) {
  for (const Entry& entry : schema.entries) {
    const std::string here = join(path, name_of_entry(entry));
    if (const auto* field = std::get_if<ConfigField>(&entry)) {
      if (!field->limits.required || origins.count(here) != 0) continue;
      throw Error(ErrorKind::data, {.what = "'" + here + "' is not set",
                                    .where = source,
                                    .expected = field->type + " (" + field->help + ")",
                                    .fix = "set it in the file or with --set " + here + "=..."});
    }
    if (const auto* section = std::get_if<ConfigSection>(&entry)) {
      check_section(*section->schema, here, origins, source);
    } else {
      const auto& list = std::get<ConfigSectionList>(entry);
      for (size_t i = 0; i < list.size(); ++i) check_section(list.section(i), at_index(here, i), origins, source);
    }
  }
}

}  // namespace

void apply_toml(const ConfigSchema& schema, const ConfigValue& table, ConfigOrigins& origins) {
  apply_table(schema, "", table, origins);
}

void apply_override(const ConfigSchema& schema, const std::string& text, ConfigOrigins& origins) {
  const auto [path, value] = parse_override(text);
  const auto pieces = split_path(path, value);
  apply_pieces(schema, pieces, "", value, origins);
}

void check_required(const ConfigSchema& schema, const ConfigOrigins& origins, const std::string& source) {
  check_section(schema, "", origins, source);
}

void reject_type(const ConfigPlace& place, const ConfigValue& value, const std::string& expected) {
  const std::string limits = place.limits.describe();
  throw Error(kind_of(value), {.what = "wrong type for '" + place.key + "'",
                               .where = value.origin,
                               .expected = expected + (limits.empty() ? "" : ", " + limits),
                               .found = value.describe(),
                               .fix = "give a value of the expected type"});
}

void reject_range(const ConfigPlace& place, const ConfigValue& value, const std::string& expected) {
  throw Error(kind_of(value),
              {.what = "value of '" + place.key + "' is out of range",
               .where = value.origin,
               .expected = expected,
               .found = value.describe(),
               .fix = place.limits.fix.empty() ? "give a value in the expected range" : place.limits.fix});
}

void reject_name(const ConfigPlace& place, const ConfigValue& value, const std::vector<std::string>& names) {
  const std::string* text = std::get_if<std::string>(&value.data);
  const std::string near = text == nullptr ? "" : nearest_name(*text, names);
  throw Error(kind_of(value), {.what = "unknown value for '" + place.key + "'",
                               .where = value.origin,
                               .expected = one_of(names).describe(),
                               .found = value.describe(),
                               .fix = near.empty() ? "use one of the expected names" : "did you mean '" + near + "'?"});
}

}  // namespace dermis
