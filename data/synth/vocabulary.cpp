#include "data/synth/vocabulary.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "data/fields/placeholders.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

void add_with_article(std::map<std::string, std::string>& values, const std::string& name, const std::string& text) {
  values[name] = text;
  values["a_" + name] = with_article(text);
}

void check_values(const Item& item, const std::string& name, const Attribute* attribute, const std::string& value) {
  const std::string where = "item " + item.id + ", metadata " + name;
  if (attribute == nullptr) {
    throw Error(ErrorKind::data, {.what = "the field pack has no attribute '" + name + "'",
                                  .where = where,
                                  .found = value,
                                  .fix = "add it to attributes.toml or take it out of the items"});
  }
  const auto normal = normal_value(*attribute, value, where);
  if (normal && *normal == value) return;
  throw Error(ErrorKind::data, {.what = "metadata value is not in the field pack's form",
                                .where = where,
                                .expected = normal ? *normal : "no entry at all for a missing value",
                                .found = value});
}

}  // namespace

std::string enumeration(const std::vector<std::string>& parts, const std::string& last) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? last : ", ";
    text += parts[i];
  }
  return text;
}

DataVocabulary vocabulary_of(const std::vector<Item>& items, const FieldPack& pack) {
  DataVocabulary vocabulary;
  std::set<std::string> labels;
  std::map<std::string, std::set<std::string>> values;
  for (const Item& item : items) {
    if (!item.label.empty() && labels.insert(item.label).second && pack.find_class(item.label) == nullptr) {
      throw Error(ErrorKind::data, {.what = "label of no class",
                                    .where = "item " + item.id + ", field label",
                                    .expected = "a class id of field pack " + pack.name,
                                    .found = item.label});
    }
    for (const auto& [name, value] : item.metadata) {
      const Attribute* attribute = pack.find_attribute(name);
      vocabulary.attributes.insert(name);
      std::set<std::string>& seen = values[name];
      if (attribute != nullptr && attribute->kind == AttributeKind::many) {
        check_values(item, name, attribute, value);
        for (const std::string& part : split_values(value)) seen.insert(part);
      } else if (seen.insert(value).second) {
        check_values(item, name, attribute, value);
      }
    }
  }
  for (const ClassInfo& info : pack.classes) {
    if (labels.contains(info.id)) vocabulary.classes.push_back(&info);
  }
  for (const Attribute& attribute : pack.attributes) {
    if (attribute.kind == AttributeKind::number) continue;
    const std::vector<std::string> flags{"yes", "no"};
    for (const std::string& value : attribute.kind == AttributeKind::flag ? flags : attribute.values) {
      if (values[attribute.id].contains(value)) vocabulary.values[attribute.id].push_back(value);
    }
  }
  return vocabulary;
}

std::map<std::string, std::string> placeholder_values(const Item& item, const FieldPack& pack) {
  std::map<std::string, std::string> values;
  add_with_article(values, "subject", pack.subject);
  if (!item.modality.empty()) add_with_article(values, "modality", item.modality);
  if (const ClassInfo* info = pack.find_class(item.label)) {
    add_with_article(values, "label", info->name);
    add_with_article(values, "malignancy", info->malignancy);
    if (!info->group.empty()) add_with_article(values, "group", pack.group_name(*info));
    values["typical"] = info->typical;
    values["plain"] = info->plain;
    values["advice"] = info->advice;
    std::vector<std::string> others;
    for (const std::string& id : info->lookalikes) others.push_back(pack.find_class(id)->name);
    if (!others.empty()) values["others"] = enumeration(others);
  }
  std::vector<std::string> weighted;
  for (const auto& [id, weight] : item.differential) {
    const ClassInfo* info = pack.find_class(id);
    if (info != nullptr) weighted.push_back(fmt::format("{} ({:.0f} %)", info->name, weight * 100));
  }
  if (!weighted.empty()) values["differential"] = enumeration(weighted, ", ");
  for (const auto& [name, value] : item.metadata) {
    const Attribute* attribute = pack.find_attribute(name);
    const bool many = attribute != nullptr && attribute->kind == AttributeKind::many;
    add_with_article(values, name, many ? enumeration(split_values(value)) : value);
  }
  for (const auto& [id, value] : strata_of(item, pack)) {
    if (!values.contains(id)) add_with_article(values, id, value);
  }
  return values;
}

std::map<std::string, std::string> strata_of(const Item& item, const FieldPack& pack) {
  std::map<std::string, std::string> strata;
  for (const Stratum& stratum : pack.strata) {
    const auto at = item.metadata.find(stratum.from);
    if (at == item.metadata.end()) continue;
    if (const auto value = stratum.of(at->second)) strata[stratum.id] = *value;
  }
  return strata;
}

}  // namespace dermis
