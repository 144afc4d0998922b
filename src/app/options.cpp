// SPDX-License-Identifier: MIT
#include "app/options.h"

#include "app/option_set.h"
#include "forkmon/wire.h"
#include "util/text.h"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <iostream>
#include <utility>
#include <vector>

namespace forkmon {
namespace {

constexpr int wrong_usage = 2;

template <typename T>
using Names = std::vector<std::pair<std::string, T>>;

const Names<Format> formats{{"table", Format::table}, {"json", Format::json}};
const Names<ProbePolicy> policies{
    {"auto", ProbePolicy::automatic}, {"all", ProbePolicy::all}, {"none", ProbePolicy::none}};
const Names<Severity> severities{{"info", Severity::info},
                                 {"warning", Severity::warning},
                                 {"high", Severity::high},
                                 {"critical", Severity::critical}};
const Names<LogLevel> log_levels{{"error", LogLevel::error},
                                 {"warn", LogLevel::warn},
                                 {"info", LogLevel::info},
                                 {"debug", LogLevel::debug}};

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

/// What the command line and the file say, until it is checked as a whole.
struct Raw {
  Options options;
  bool trace = false;
  bool check = false;
  std::optional<Format> format;
  std::string config;
};

/// Form alone; whether it can be listened on is seen when it is.
std::string is_address_and_port(const std::string& text) {
  auto colon = text.rfind(':');
  auto address = text.substr(0, colon);
  auto port = colon == std::string::npos ? "" : text.substr(colon + 1);
  in_addr parsed{};
  bool is_port = !port.empty() && port.size() <= 5 &&
                 port.find_first_not_of("0123456789") == std::string::npos;
  if (is_port && inet_pton(AF_INET, address.c_str(), &parsed) == 1)
    return "";
  return "not an IPv4 ADDR:PORT: " + for_terminal(text);
}

/// The names alone, where CLI::CheckedTransformer takes the numbers that stand for them as well.
template <typename T>
CLI::Validator one_of(const Names<T>& names) {
  std::string all;
  for (const auto& [name, value] : names)
    all += (all.empty() ? "" : ", ") + name;
  auto replace = [names, all](std::string& text) -> std::string {
    for (const auto& [name, value] : names)
      if (name == text) {
        text = std::to_string(static_cast<int>(value));
        return "";
      }
    return fmt::format("one of {} is wanted, not {}", all, text);
  };
  return CLI::Validator(replace, "");
}

/// CLI11 takes "nan" for a number within any range.
std::string is_finite(const std::string& text) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && std::isfinite(value) ? ""
                                                                        : "not a number: " + text;
}

void add_mode_options(CLI::App& app, Raw& raw) {
  app.add_flag("--trace", raw.trace, "A live session; ends with a summary on stderr");
  app.add_flag("--check", raw.check, "Say which sensors can be used here, and why not");
  app.add_option(
         "-p,--pid", raw.options.pid,
         "With --trace: watch only this process's family; with --check: look at its libraries")
      ->check(CLI::PositiveNumber);
  app.add_option("command", raw.options.command, "With --trace: the command to run, after --");
  app.add_option("--config", raw.config, "Read options from a TOML file")->type_name("FILE");
}

void add_command_options(OptionSet& set, Raw& raw) {
  set.add("--user", raw.options.user, "Run CMD as this user")->type_name("NAME");
  set.add("--error-exitcode", raw.options.error_exitcode,
          "With -- CMD: exit with N when there was a finding of --fail-severity or above")
      ->check(CLI::Range(0, 255))
      ->type_name("N");
  set.add("--fail-severity", raw.options.fail_severity, "info, warning, high or critical")
      ->transform(one_of(severities))
      ->type_name("SEVERITY");
}

void add_output_options(OptionSet& set, Raw& raw) {
  set.add("--format", raw.format, "table or json (default: table with --trace)")
      ->transform(one_of(formats))
      ->type_name("FORMAT");
  set.add("-o,--output", raw.options.output,
          "Where findings go (default: stdout; with -- CMD stderr)")
      ->type_name("FILE");
  set.add_flag("--all", raw.options.all, "Also show tainted children that did nothing wrong");
  set.add("--log-burst", raw.options.log_burst,
          "Findings of one executable and rule that are written in --log-interval; 0: no limit "
          "(default: 10; with --trace 0)")
      ->type_name("N");
  set.add("--log-interval", raw.options.log_interval, "The period of --log-burst")
      ->check(CLI::Range(1.0, 86400.0))
      ->check(is_finite, "")
      ->type_name("SECONDS")
      ->capture_default_str();
  set.add("--log-level", raw.options.log_level, "Of messages on stderr: error, warn, info or debug")
      ->transform(one_of(log_levels))
      ->type_name("LEVEL");
  set.add("--listen", raw.options.listen, "Where the agent serves /metrics")
      ->type_name("ADDR:PORT")
      ->check(is_address_and_port, "ADDR:PORT")
      ->capture_default_str();
}

void add_web_options(OptionSet& set, WebOptions& web) {
  set.add("--web-tls-cert", web.tls_cert, "Serve HTTPS with this certificate and its chain (PEM)")
      ->type_name("FILE");
  set.add("--web-tls-key", web.tls_key, "The certificate's key (PEM)")->type_name("FILE");
  set.add("--web-basic-auth-file", web.basic_auth_file,
          "Ask for a user and a password of this file (htpasswd -B)")
      ->type_name("FILE");
  set.add("--max-label-values", web.max_label_values,
          "How many executables a metric tells apart; others count as \"other\"")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
}

void add_sensor_options(OptionSet& set, Raw& raw) {
  set.add("--probe", raw.options.probe,
          "auto: probe suspects; all: every process, at a price; none: no probes")
      ->transform(one_of(policies))
      ->type_name("POLICY");
  set.add("--stack-bytes", raw.options.stack_bytes,
          "How much of a stack to copy at a first unsafe call; 0: no stacks")
      ->check(CLI::Range(0, FM_MAX_STACK_BYTES))
      ->capture_default_str();
  set.add("--stack-interval", raw.options.stack_interval,
          "Least time between two stacks of one executable and function (default: 10; with "
          "-p and -- CMD 0, every one)")
      ->check(CLI::Range(0.0, 86400.0))
      ->check(is_finite, "")
      ->type_name("SECONDS");
}

void add_filters(OptionSet& set, FilterOptions& filters) {
  auto add = [&](const char* name, std::vector<std::string>& patterns, const char* help) {
    set.add(name, patterns, help)
        ->type_name("GLOB")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  add("--comm", filters.comms, "Only processes of this name (repeatable)");
  add("--exe", filters.exes, "Only this executable, path or file name (repeatable)");
  add("--cgroup", filters.cgroups, "Only this cgroup path (repeatable)");
  set.add("--uid", filters.uids, "Only processes of this user id (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// What single options cannot check.
std::optional<std::string> contradiction(const Raw& raw) {
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

Options settle(Raw raw) {
  Options options = std::move(raw.options);
  options.mode = raw.check ? Mode::check : raw.trace ? Mode::trace : Mode::agent;
  Format usual = options.mode == Mode::trace ? Format::table : Format::json;
  options.format = raw.format.value_or(usual);
  return options;
}

/// Of the command line; ones that can stand in the file as well are in the set.
OptionSet define_options(CLI::App& app, Raw& raw) {
  app.set_version_flag("--version", "forkmon " FORKMON_VERSION);
  add_mode_options(app, raw);
  OptionSet set(app);
  add_command_options(set, raw);
  add_output_options(set, raw);
  add_web_options(set, raw.options.web);
  add_sensor_options(set, raw);
  add_filters(set, raw.options.filters);
  app.positionals_at_end();
  return set;
}

/// Changes what the command line has of `raw`. Throws what CLI11 throws.
void apply_command_line(int argc, char** argv, Raw& raw) {
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
Status apply_config(const std::string& path, Raw& raw) {
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
std::string config_path(const Raw& raw) {
  if (!raw.config.empty())
    return raw.config;
  const bool is_agent = !raw.trace && !raw.check;
  return is_agent && access(default_config_file, F_OK) == 0 ? default_config_file : "";
}

/// Throws what CLI11 throws.
Result<Options> read_options(int argc, char** argv) {
  Raw raw;
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
