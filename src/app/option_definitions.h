// SPDX-License-Identifier: MIT
/// Every option: its name, type, bounds and help.
#pragma once

#include "app/option_set.h"
#include "app/options.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace forkmon {

/// What the command line and the file say, until it is checked as a whole.
struct RawOptions {
  Options options;
  bool trace = false;
  bool check = false;
  std::optional<Format> format;
  std::string config;
};

/// Adds the options to `app`, which then stores what is given in `raw`. Those that can stand in the
/// configuration file as well are in the set.
OptionSet define_options(CLI::App& app, RawOptions& raw);

} // namespace forkmon
