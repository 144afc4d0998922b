// SPDX-License-Identifier: MIT
/// Options that can be given on the command line and in the configuration file.
#pragma once

#include "app/config_file.h"
#include "util/result.h"

#include <CLI/CLI.hpp>

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace forkmon {

/// CLI11 checks and stores the values of both. The type that the file must give a value follows
/// from the type of its variable.
class OptionSet {
public:
  explicit OptionSet(CLI::App& app) : app_(app) {}

  template <typename T>
  CLI::Option* add(const std::string& name, T& variable, const std::string& help) {
    return enter(app_.add_option(name, variable, help), form_of<T>());
  }
  CLI::Option* add_flag(const std::string& name, bool& variable, const std::string& help) {
    return enter(app_.add_flag(name, variable, help), {ValueKind::boolean, false});
  }

  /// Stores the entry's value in the option's variable. Error: "KEY: why", or an unknown key.
  Status apply(const ConfigEntry& entry) const;

  /// The options' names without dashes.
  std::vector<std::string> keys() const;

private:
  struct Form {
    ValueKind kind = ValueKind::text;
    bool is_list = false; ///< may be
  };
  template <typename T>
  struct Element {
    using Type = T;
  };
  template <typename T>
  struct Element<std::optional<T>> : Element<T> {};
  template <typename T>
  struct Element<std::vector<T>> : Element<T> {
    static constexpr bool is_list = true;
  };

  template <typename T>
  static constexpr Form form_of() {
    using Type = typename Element<T>::Type;
    constexpr bool is_list = requires {
      Element<T>::is_list;
    };
    if constexpr (std::integral<Type>)
      return {ValueKind::integer, is_list};
    else if constexpr (std::floating_point<Type>)
      return {ValueKind::number, is_list};
    else
      return {ValueKind::text, is_list};
  }

  CLI::Option* enter(CLI::Option* option, Form form);

  CLI::App& app_;
  std::map<std::string, std::pair<CLI::Option*, Form>> options_;
};

} // namespace forkmon
