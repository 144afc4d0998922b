// SPDX-License-Identifier: MIT
#include "app/option_set.h"

#include "util/text.h"

#include <fmt/format.h>

namespace forkmon {
namespace {

const char* wanted(ValueKind kind) {
  switch (kind) {
  case ValueKind::boolean:
    return "true or false";
  case ValueKind::integer:
    return "a whole number";
  case ValueKind::number:
    return "a number";
  case ValueKind::text:
  case ValueKind::other:
    break;
  }
  return "a text";
}

bool fits(ValueKind given, ValueKind form) {
  return given == form || (given == ValueKind::integer && form == ValueKind::number);
}

/// CLI11 puts the option's name first.
std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

} // namespace

CLI::Option* OptionSet::enter(CLI::Option* option, Form form) {
  options_[option->get_lnames().front()] = {option, form};
  return option;
}

Status OptionSet::apply(const ConfigEntry& entry) const {
  const std::string key = for_terminal(entry.key, 64);
  auto known = options_.find(entry.key);
  if (known == options_.end()) {
    const bool has_option = app_.get_option_no_throw("--" + entry.key) != nullptr;
    return Error{has_option ? key + ": can be given on the command line only"
                            : "unknown key " + key};
  }
  auto [option, form] = known->second;
  const bool is_empty = entry.is_list && entry.values.empty();
  if ((entry.is_list && !form.is_list) || (!is_empty && !fits(entry.kind, form.kind)))
    return Error{fmt::format("{}: {}{} is wanted", key, wanted(form.kind),
                             form.is_list ? ", or a list of such," : "")};
  try {
    for (const std::string& value : entry.values)
      option->add_result(value);
    if (!is_empty)
      option->run_callback();
  } catch (const CLI::Error& error) {
    return Error{key + ": " +
                 for_terminal(without_prefix(error.what(), "--" + entry.key + ": "), 512)};
  }
  return ok();
}

std::vector<std::string> OptionSet::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, option] : options_)
    keys.push_back(key);
  return keys;
}

} // namespace forkmon
