// SPDX-License-Identifier: MIT
#include "app/config_file.h"

#include "process/safe_open.h"
#include "util/text.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <initializer_list>
#include <optional>
#include <utility>

namespace forkmon {
namespace {

constexpr std::size_t max_file_bytes = 1U << 20;
/// A dotted key makes a table within a table for each dot.
constexpr std::size_t max_line_bytes = 4096;
constexpr std::size_t max_tables = 1024;

/// What is wrong, and where: thrown and caught in this file only.
struct Mistake {
  std::uint32_t line;
  std::string why;
};

[[noreturn]] void reject(const toml::node& node, const std::string& why) {
  throw Mistake{node.source().begin.line, why};
}

ValueKind kind_of(const toml::node& node) {
  if (node.is_boolean())
    return ValueKind::boolean;
  if (node.is_integer())
    return ValueKind::integer;
  if (node.is_floating_point())
    return ValueKind::number;
  return node.is_string() ? ValueKind::text : ValueKind::other;
}

/// As the command line would have it.
std::string text_of(const toml::node& node) {
  if (auto value = node.value_exact<bool>())
    return *value ? "true" : "false";
  if (auto value = node.value_exact<std::int64_t>())
    return std::to_string(*value);
  if (auto value = node.value_exact<double>())
    return fmt::format("{}", *value);
  return node.value_or(std::string());
}

ConfigEntry entry_of(const std::string& key, const toml::node& node) {
  ConfigEntry entry{key, node.source().begin.line, node.is_array(), kind_of(node), {}};
  if (!entry.is_list) {
    entry.values.push_back(text_of(node));
    return entry;
  }
  for (const toml::node& element : *node.as_array()) {
    if (!entry.values.empty() && kind_of(element) != entry.kind)
      reject(element, fmt::format("{}: a list of values of one type is wanted", key));
    entry.kind = kind_of(element);
    entry.values.push_back(text_of(element));
  }
  return entry;
}

/// The texts of a table such as [[allow]], of which no other keys are known.
class TextTable {
public:
  TextTable(const std::string& name, const toml::table& table,
            std::initializer_list<std::string_view> keys)
      : name_(name), table_(table) {
    for (const auto& [key, node] : table)
      if (std::find(keys.begin(), keys.end(), key.str()) == keys.end())
        reject(node, fmt::format("[[{}]]: unknown key {}", name, for_terminal(key.str())));
  }

  /// Empty where the key is absent; an empty text is a mistake.
  std::string text(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr)
      return {};
    auto value = node->value_exact<std::string>();
    if (!value || value->empty())
      reject(*node, fmt::format("[[{}]]: {}: a text is wanted", name_, key));
    return *value;
  }

  std::string required(std::string_view key) const {
    std::string value = text(key);
    if (value.empty())
      reject(table_, fmt::format("[[{}]]: {} is missing", name_, key));
    return value;
  }

  /// What `parse` makes of the text, or `usual` where the key is absent.
  template <typename T, typename Parse>
  T parsed(std::string_view key, T usual, Parse parse, const char* wanted) const {
    const std::string value = text(key);
    if (value.empty())
      return usual;
    if (std::optional<T> known = parse(value))
      return *known;
    reject(*table_.get(key), fmt::format("[[{}]]: {}: {} is wanted, not {}", name_, key, wanted,
                                         for_terminal(value, 64)));
  }

private:
  const std::string& name_;
  const toml::table& table_;
};

/// `critical` is kept for what is proven.
std::optional<Severity> call_severity(const std::string& name) {
  for (Severity severity : {Severity::info, Severity::warning, Severity::high})
    if (name == to_string(severity))
      return severity;
  return std::nullopt;
}

AllowRule allow_rule(const std::string& name, const toml::table& table) {
  const TextTable texts(name, table, {"exe", "function"});
  AllowRule rule{texts.text("exe"), texts.text("function")};
  if (rule.exe.empty() && rule.function.empty())
    reject(table, fmt::format("[[{}]]: exe or function is missing", name));
  return rule;
}

UserFunction user_function(const std::string& name, const toml::table& table) {
  const TextTable texts(name, table, {"name", "library", "category", "severity", "advice"});
  UserFunction function;
  function.name = texts.required("name");
  function.library = texts.required("library");
  function.category =
      texts.parsed("category", function.category, parse_category, "a category of docs/findings.md");
  function.severity =
      texts.parsed("severity", function.severity, call_severity, "info, warning or high");
  function.advice = texts.text("advice");
  return function;
}

template <typename T>
std::vector<T> tables(const std::string& name, const toml::node& node,
                      T (*make)(const std::string&, const toml::table&)) {
  const toml::array* array = node.as_array();
  if (array == nullptr || array->size() > max_tables)
    reject(node, fmt::format("{}: tables are wanted, {} at most: [[{}]]", name, max_tables, name));
  std::vector<T> made;
  for (const toml::node& element : *array) {
    if (!element.is_table())
      reject(element, fmt::format("{}: a table is wanted: [[{}]]", name, name));
    made.push_back(make(name, *element.as_table()));
  }
  return made;
}

ConfigFile config_of(const toml::table& root) {
  ConfigFile config;
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (name == "allow")
      config.allow = tables<AllowRule>(name, node, allow_rule);
    else if (name == "function")
      config.functions = tables<UserFunction>(name, node, user_function);
    else
      config.entries.push_back(entry_of(name, node));
  }
  return config;
}

void check_lines(std::string_view text) {
  std::uint32_t line = 1;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > max_line_bytes)
      throw Mistake{line, fmt::format("the line is longer than {} bytes", max_line_bytes)};
    text.remove_prefix(std::min(end + 1, text.size()));
    line++;
  }
}

Result<std::string> read_bounded(const std::string& path) {
  const auto file = open_regular(path);
  if (!file)
    return file.error();
  std::string text;
  std::array<char, 16384> buffer{};
  ssize_t got = 0;
  while ((got = read(file->fd.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > max_file_bytes)
      return Error{fmt::format("{}: larger than {} bytes", path, max_file_bytes)};
  }
  if (got < 0)
    return Error::from_errno(path, errno);
  return text;
}

} // namespace

Result<ConfigFile> parse_config(const std::string& text, const std::string& path) {
  auto at = [&](std::uint32_t line, std::string_view why) {
    return Error{fmt::format("{}:{}: {}", for_terminal(path), line, for_terminal(why, 512))};
  };
  try {
    check_lines(text);
    return config_of(toml::parse(text, path));
  } catch (const Mistake& mistake) {
    return at(mistake.line, mistake.why);
  } catch (const toml::parse_error& error) {
    return at(error.source().begin.line, error.description());
  } catch (const std::exception& error) {
    return Error{fmt::format("{}: {}", for_terminal(path), for_terminal(error.what(), 512))};
  }
}

Result<ConfigFile> read_config(const std::string& path) {
  auto text = read_bounded(path);
  if (!text)
    return Error{for_terminal(text.error().message, 512), text.error().code};
  return parse_config(*text, path);
}

} // namespace forkmon
