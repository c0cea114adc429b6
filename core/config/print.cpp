#include <algorithm>

#include "core/config/apply.h"
#include "core/io/hash.h"

namespace dermis {
namespace {

constexpr size_t kCommentColumn = 48;

std::string join(const std::string& path, const std::string& name) { return path.empty() ? name : path + "." + name; }

class TomlPrinter {
 public:
  explicit TomlPrinter(const ConfigOrigins* origins) : origins_(origins) {}

  // TOML wants a table's own keys before its sub-tables. `header` is the dotted table name without indices, which
  // [[...]] does not take; `path` has them and looks up origins.
  void print(const ConfigSchema& schema, const std::string& path, const std::string& header) {
    for (const auto& entry : schema.entries) {
      if (const auto* field = std::get_if<ConfigField>(&entry)) {
        const std::string value = field->print();
        if (!value.empty()) {
          line(toml_key(field->name) + " = " + value, join(path, field->name));
        } else if (origins_ != nullptr) {
          text_ += "# " + field->name + " is not set\n";
        }
      } else if (const auto* list = std::get_if<ConfigSectionList>(&entry); list != nullptr && list->size() == 0) {
        line(list->name + " = []", join(path, list->name));
      }
    }
    for (const auto& entry : schema.entries) {
      if (const auto* section = std::get_if<ConfigSection>(&entry)) {
        text_ += "\n[" + join(header, section->name) + "]\n";
        print(*section->schema, join(path, section->name), join(header, section->name));
      } else if (const auto* list = std::get_if<ConfigSectionList>(&entry)) {
        for (size_t i = 0; i < list->size(); ++i) {
          text_ += "\n[[" + join(header, list->name) + "]]\n";
          print(list->section(i), join(path, list->name) + "[" + std::to_string(i) + "]", join(header, list->name));
        }
      }
    }
  }

  std::string take() { return std::move(text_); }

 private:
  void line(const std::string& text, const std::string& key) {
    text_ += text;
    if (origins_ != nullptr) {
      const auto found = origins_->find(key);
      text_.append(text.size() < kCommentColumn ? kCommentColumn - text.size() : 1, ' ');
      text_ += "# " + (found == origins_->end() ? "default" : found->second);
    }
    text_ += "\n";
  }

  const ConfigOrigins* origins_;
  std::string text_;
};

std::string escape_cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

void add_values(const ConfigSchema& schema, const std::string& path, std::map<std::string, std::string>& values) {
  for (const auto& entry : schema.entries) {
    if (const auto* field = std::get_if<ConfigField>(&entry)) {
      values[join(path, field->name)] = field->print();
    } else if (const auto* section = std::get_if<ConfigSection>(&entry)) {
      add_values(*section->schema, join(path, section->name), values);
    } else {
      const auto& list = std::get<ConfigSectionList>(entry);
      for (size_t i = 0; i < list.size(); ++i) {
        add_values(list.section(i), join(path, list.name) + "[" + std::to_string(i) + "]", values);
      }
    }
  }
}

void markdown_rows(const ConfigSchema& schema, const std::string& path, std::string& text) {
  for (const auto& entry : schema.entries) {
    if (const auto* field = std::get_if<ConfigField>(&entry)) {
      const std::string value = field->print();
      const std::string limits = field->limits.describe();
      const std::string fallback = field->limits.required ? "required" : value.empty() ? "not set" : "`" + value + "`";
      text += "| `" + join(path, field->name) + "` | " +
              escape_cell(field->type + (limits.empty() ? "" : ", " + limits)) + " | " + escape_cell(fallback) + " | " +
              escape_cell(field->help) + " |\n";
    } else if (const auto* section = std::get_if<ConfigSection>(&entry)) {
      text += "| **`[" + join(path, section->name) + "]`** | section | | " + escape_cell(section->help) + " |\n";
      markdown_rows(*section->schema, join(path, section->name), text);
    } else {
      const auto& list = std::get<ConfigSectionList>(entry);
      text += "| **`[[" + join(path, list.name) + "]]`** | list of sections | | " + escape_cell(list.help) + " |\n";
      markdown_rows(list.example(), join(path, list.name) + "[]", text);
    }
  }
}

}  // namespace

std::string print_toml(const ConfigSchema& schema, const ConfigOrigins* origins) {
  TomlPrinter printer(origins);
  printer.print(schema, "", "");
  return printer.take();
}

std::string config_hash(const ConfigSchema& schema) {
  return sha256_hex(std::string_view(print_toml(schema, nullptr)));
}

std::map<std::string, std::string> config_values(const ConfigSchema& schema) {
  std::map<std::string, std::string> values;
  add_values(schema, "", values);
  return values;
}

std::string config_markdown(const ConfigSchema& schema) {
  std::string text = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n";
  markdown_rows(schema, "", text);
  return text;
}

}  // namespace dermis
