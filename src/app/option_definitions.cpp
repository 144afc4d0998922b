// SPDX-License-Identifier: MIT
#include "app/option_definitions.h"

#include "forkmon/wire.h"
#include "util/number.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <utility>
#include <vector>

namespace forkmon {
namespace {

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

/// The kernel wants a power of two (ringbuf_map_alloc in kernel/bpf/ringbuf.c).
std::string is_ring_size(const std::string& text) {
  auto bytes = parse_number<std::uint64_t>(text);
  bool fits = bytes && std::has_single_bit(*bytes) && *bytes >= 64U << 10U && *bytes <= 256U << 20U;
  return fits ? "" : "not a power of two from 64KiB to 256MiB: " + for_terminal(text);
}

void add_mode_options(CLI::App& app, RawOptions& raw) {
  app.add_flag("--trace", raw.trace, "A live session; ends with a summary on stderr");
  app.add_flag("--check", raw.check, "Say which sensors can be used here, and why not");
  app.add_option(
         "-p,--pid", raw.options.pid,
         "With --trace: watch only this process's family; with --check: look at its libraries")
      ->check(CLI::PositiveNumber);
  app.add_option("command", raw.options.command, "With --trace: the command to run, after --");
  app.add_option("--config", raw.config, "Read options from a TOML file")->type_name("FILE");
}

void add_command_options(OptionSet& set, RawOptions& raw) {
  set.add("--user", raw.options.user, "Run CMD as this user")->type_name("NAME");
  set.add("--error-exitcode", raw.options.error_exitcode,
          "With -- CMD: exit with N when there was a finding of --fail-severity or above")
      ->check(CLI::Range(0, 255))
      ->type_name("N");
  set.add("--fail-severity", raw.options.fail_severity, "info, warning, high or critical")
      ->transform(one_of(severities))
      ->type_name("SEVERITY");
}

void add_output_options(OptionSet& set, RawOptions& raw) {
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

void add_sensor_options(OptionSet& set, RawOptions& raw) {
  set.add("--probe", raw.options.probe,
          "auto: probe suspects; all: every process, at a price; none: no probes")
      ->transform(one_of(policies))
      ->type_name("POLICY");
  set.add("--probe-budget", raw.options.probe_budget,
          "What an armed process's probes may cost, itself and others, with --probe=auto, in per "
          "cent "
          "of a CPU; 0: none is armed")
      ->check(CLI::Range(0.0, 100.0))
      ->check(is_finite, "")
      ->type_name("PERCENT")
      ->capture_default_str();
  set.add("--ring-bytes", raw.options.ring_bytes,
          "Room for events that wait to be read (default: 4MiB; with --trace 8MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->check(is_ring_size, "")
      ->type_name("BYTES");
  set.add_flag("--bpf-stats", raw.options.bpf_stats,
               "Have the kernel time all BPF programs: forkmon_bpf_run_seconds_total");
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

} // namespace

OptionSet define_options(CLI::App& app, RawOptions& raw) {
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

} // namespace forkmon
