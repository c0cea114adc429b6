#include "data/fields/toml_json.h"

#include <toml++/toml.h>

#include "core/error.h"

namespace dermis {
namespace {

Json convert(const toml::node& node, const std::string& where) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = convert(value, where);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& value : *array) list.push_back(convert(value, where));
    return list;
  }
  if (const auto* text = node.as_string()) return Json(text->get());
  if (const auto* integer = node.as_integer()) return Json(integer->get());
  if (const auto* number = node.as_floating_point()) return Json(number->get());
  if (const auto* flag = node.as_boolean()) return Json(flag->get());
  throw Error(ErrorKind::data, {.what = "dates and times have no use here",
                                .where = where + ", line " + std::to_string(node.source().begin.line),
                                .expected = "text, number, true, false, list or table"});
}

}  // namespace

Json toml_to_json(const std::string& text, const std::string& where) {
  try {
    const toml::table table = toml::parse(text);
    return convert(table, where);
  } catch (const toml::parse_error& error) {
    throw Error(ErrorKind::data, {.what = "not valid TOML",
                                  .where = where + ", line " + std::to_string(error.source().begin.line) + ", column " +
                                           std::to_string(error.source().begin.column),
                                  .found = std::string(error.description())});
  }
}

}  // namespace dermis
