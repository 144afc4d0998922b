// SPDX-License-Identifier: MIT
#include "app/options.h"

#include "app/config_file.h"
#include "app/option_definitions.h"
#include "util/text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

namespace forkmon {
namespace {

constexpr int wrong_usage = 2;

const char* const description =
    "Finds fork-safety bugs, system-wide: which process forked while it had threads, what the "
    "child\n"
    "called before exec that it must not call, and what to do about it.\n\n"
    "  forkmon                        the agent: Prometheus metrics, findings as JSON lines\n"
    "  forkmon --trace                a live session over the whole system\n"
    "  forkmon --trace -p PID         only that process and its children\n"
    "  forkmon --trace -- CMD [ARG…]  run CMD and watch its family exactly\n"
    "  forkmon --check                what works here, and why not\n"
    "  forkmon --check -p PID         also the process's allocators, and who repairs their locks\n";

/// What single options cannot check.
std::optional<std::string> contradiction(const RawOptions& raw) {
  const Options& options = raw.options;
  if (raw.trace && raw.check)
    return "--trace and --check exclude each other";
  if (!options.command.empty() && !raw.trace)
    return "a command needs --trace: forkmon --trace -- CMD [ARG...]";
  if (!options.command.empty() && options.pid)
    return "-p and -- CMD exclude each other";
  if (options.pid && !raw.trace && !raw.check)
    return "-p needs --trace or --check";
  if (options.command.empty() && options.error_exitcode)
    return "--error-exitcode needs -- CMD";
  if (options.command.empty() && !options.user.empty())
    return "--user needs -- CMD";
  if (options.web.tls_cert.empty() != options.web.tls_key.empty())
    return "--web-tls-cert and --web-tls-key need each other";
  return std::nullopt;
}

Options settle(RawOptions raw) {
  Options options = std::move(raw.options);
  options.mode = raw.check ? Mode::check : raw.trace ? Mode::trace : Mode::agent;
  Format usual = options.mode == Mode::trace ? Format::table : Format::json;
  options.format = raw.format.value_or(usual);
  return options;
}

/// Changes what the command line has of `raw`. Throws what CLI11 throws.
void apply_command_line(int argc, char** argv, RawOptions& raw) {
  CLI::App app(description, "forkmon");
  define_options(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) { // --help, --version
    app.exit(done);
    throw;
  }
}

/// Changes what the file has of `raw`.
Status apply_config(const std::string& path, RawOptions& raw) {
  auto config = read_config(path);
  if (!config)
    return config.error();
  CLI::App app;
  const OptionSet set = define_options(app, raw);
  for (const ConfigEntry& entry : config->entries)
    if (auto applied = set.apply(entry); !applied)
      return applied.error().in(fmt::format("{}:{}", for_terminal(path), entry.line));
  raw.options.allow = std::move(config->allow);
  raw.options.functions = std::move(config->functions);
  raw.options.config_file = path;
  return ok();
}

/// The one that is named, or the agent's if it is there.
std::string config_path(const RawOptions& raw) {
  if (!raw.config.empty())
    return raw.config;
  const bool is_agent = !raw.trace && !raw.check;
  return is_agent && access(default_config_file, F_OK) == 0 ? default_config_file : "";
}

/// Throws what CLI11 throws.
Result<Options> read_options(int argc, char** argv) {
  RawOptions raw;
  apply_command_line(argc, argv, raw);
  if (const std::string path = config_path(raw); !path.empty()) {
    raw = {};
    if (auto applied = apply_config(path, raw); !applied)
      return applied.error();
    apply_command_line(argc, argv, raw); // goes before the file
  }
  if (raw.options.command.empty() && argc > 1 && std::string_view(argv[argc - 1]) == "--")
    return Error{"-- is to be followed by a command (see forkmon --help)"};
  if (auto why = contradiction(raw))
    return Error{*why + " (see forkmon --help)"};
  return settle(std::move(raw));
}

} // namespace

Result<Options> reread_options(int argc, char** argv) {
  try {
    return read_options(argc, argv);
  } catch (const CLI::Error& error) {
    return Error{for_terminal(error.what(), 512) + " (see forkmon --help)"};
  }
}

std::variant<Options, int> parse_options(int argc, char** argv) {
  try {
    auto options = read_options(argc, argv);
    if (options)
      return std::move(*options);
    std::cerr << "forkmon: " << options.error().message << "\n";
  } catch (const CLI::Success&) {
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << "forkmon: " << for_terminal(error.what(), 512) << " (see forkmon --help)\n";
  }
  return wrong_usage;
}

} // namespace forkmon
