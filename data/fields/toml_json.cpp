#include "data/fields/toml_json.h"

#include "core/config/value.h"
#include "core/error.h"

namespace dermis {
namespace {

Json convert(const ConfigValue& value);

struct Convert {
  const ConfigValue& value;
  Json operator()(const ConfigTable& table) const {
    Json object = Json::object();
    for (const ConfigEntry& entry : table.entries) object[entry.name] = convert(entry.value);
    return object;
  }
  Json operator()(const ConfigList& list) const {
    Json array = Json::array();
    for (const ConfigValue& item : list.items) array.push_back(convert(item));
    return array;
  }
  Json operator()(const ConfigDate&) const {
    throw Error(ErrorKind::data, {.what = "dates and times have no use here",
                                  .where = value.origin,
                                  .expected = "text, number, true, false, list or table"});
  }
  template <class Plain>
  Json operator()(const Plain& plain) const {
    return Json(plain);
  }
};

Json convert(const ConfigValue& value) { return std::visit(Convert{value}, value.data); }

}  // namespace

Json toml_to_json(const std::string& text, const std::string& where) { return convert(parse_toml(text, where)); }

}  // namespace dermis
