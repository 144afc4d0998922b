// SPDX-License-Identifier: MIT
#include "app/options.h"

#include "forkmon/wire.h"
#include "util/number.h"
#include "util/text.h"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>

#include <bit>
#include <map>

namespace forkmon {
namespace {

constexpr int wrong_usage = 2;

const std::map<std::string, Format> formats{{"table", Format::table}, {"json", Format::json}};
const std::map<std::string, ProbePolicy> policies{
    {"auto", ProbePolicy::automatic}, {"all", ProbePolicy::all}, {"none", ProbePolicy::none}};
const std::map<std::string, Severity> severities{{"info", Severity::info},
                                                 {"warning", Severity::warning},
                                                 {"high", Severity::high},
                                                 {"critical", Severity::critical}};

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

/// CLI11 keeps what the command line says here until it is checked as a whole.
struct Raw {
  Options options;
  bool trace = false;
  bool check = false;
  std::string format;
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

/// CLI::Range takes "nan".
std::string is_per_cent(const std::string& text) {
  auto value = parse_number<double>(text);
  return value && *value >= 0 && *value <= 100
             ? ""
             : "not a number from 0 to 100: " + for_terminal(text);
}

/// The kernel wants a power of two (ringbuf_map_alloc in kernel/bpf/ringbuf.c).
std::string is_ring_size(const std::string& text) {
  auto bytes = parse_number<std::uint64_t>(text);
  bool fits = bytes && std::has_single_bit(*bytes) && *bytes >= 64U << 10U && *bytes <= 256U << 20U;
  return fits ? "" : "not a power of two from 64KiB to 256MiB: " + for_terminal(text);
}

void add_mode_options(CLI::App& app, Raw& raw) {
  app.add_flag("--trace", raw.trace, "A live session; ends with a summary on stderr");
  app.add_flag("--check", raw.check, "Say which sensors can be used here, and why not")
      ->configurable(false);
  app.add_option(
         "-p,--pid", raw.options.pid,
         "With --trace: watch only this process's family; with --check: look at its libraries")
      ->check(CLI::PositiveNumber);
  app.add_option("command", raw.options.command, "With --trace: the command to run, after --")
      ->configurable(false);
  app.add_option("--user", raw.options.user, "Run CMD as this user")->type_name("NAME");
}

void add_output_options(CLI::App& app, Raw& raw) {
  app.add_option("--format", raw.format, "table or json (default: table with --trace)")
      ->check(CLI::IsMember(formats));
  app.add_option("-o,--output", raw.options.output,
                 "Where findings go (default: stdout; with -- CMD stderr)")
      ->type_name("FILE");
  app.add_flag("--all", raw.options.all, "Also show tainted children that did nothing wrong");
  app.add_option("--error-exitcode", raw.options.error_exitcode,
                 "With -- CMD: exit with N when there was a finding of --fail-severity or above")
      ->check(CLI::Range(0, 255))
      ->type_name("N");
  app.add_option("--fail-severity", raw.options.fail_severity, "info, warning, high or critical")
      ->transform(CLI::CheckedTransformer(severities));
  app.add_option("--listen", raw.options.listen, "Where the agent serves /metrics")
      ->type_name("ADDR:PORT")
      ->check(is_address_and_port, "ADDR:PORT")
      ->capture_default_str();
}

void add_web_options(CLI::App& app, WebOptions& web) {
  auto* cert = app.add_option("--web-tls-cert", web.tls_cert,
                              "Serve HTTPS with this certificate and its chain (PEM)")
                   ->type_name("FILE");
  auto* key = app.add_option("--web-tls-key", web.tls_key, "The certificate's key (PEM)")
                  ->type_name("FILE");
  cert->needs(key);
  key->needs(cert);
  app.add_option("--web-basic-auth-file", web.basic_auth_file,
                 "Ask for a user and a password of this file (htpasswd -B)")
      ->type_name("FILE");
  app.add_option("--max-label-values", web.max_label_values,
                 "How many executables a metric tells apart; others count as \"other\"")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
}

void add_sensor_options(CLI::App& app, Raw& raw) {
  app.add_option("--probe", raw.options.probe,
                 "auto: probe suspects; all: every process, at a price; none: no probes")
      ->transform(CLI::CheckedTransformer(policies));
  app.add_option("--probe-budget", raw.options.probe_budget,
                 "What an armed process may pay for its probes with --probe=auto, in per cent of a "
                 "CPU; 0: none is armed")
      ->check(is_per_cent, "0 - 100")
      ->type_name("PERCENT")
      ->capture_default_str();
  app.add_option("--ring-bytes", raw.options.ring_bytes,
                 "Room for events that wait to be read (default: 2MiB; with --trace 8MiB)")
      ->transform(CLI::AsSizeValue(false))
      ->check(is_ring_size, "a power of two from 64KiB to 256MiB")
      ->type_name("BYTES");
  app.add_flag("--bpf-stats", raw.options.bpf_stats,
               "Have the kernel time all BPF programs: forkmon_bpf_run_seconds_total");
  app.add_option("--stack-bytes", raw.options.stack_bytes,
                 "How much of a stack to copy at a first unsafe call; 0: no stacks")
      ->check(CLI::Range(0, FM_MAX_STACK_BYTES))
      ->capture_default_str();
  app.add_option("--stack-interval", raw.options.stack_interval,
                 "Least time between two stacks of one executable and function (default: 10; with "
                 "-p and -- CMD 0, every one)")
      ->check(CLI::Range(0.0, 86400.0))
      ->type_name("SECONDS");
}

void add_filters(CLI::App& app, FilterOptions& filters) {
  auto add = [&](const char* name, std::vector<std::string>& patterns, const char* help) {
    app.add_option(name, patterns, help)
        ->type_name("GLOB")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  add("--comm", filters.comms, "Only processes of this name (repeatable)");
  add("--exe", filters.exes, "Only this executable, path or file name (repeatable)");
  add("--cgroup", filters.cgroups, "Only this cgroup path (repeatable)");
  app.add_option("--uid", filters.uids, "Only processes of this user id (repeatable)")
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
  return std::nullopt;
}

Options settle(Raw raw) {
  Options options = std::move(raw.options);
  options.mode = raw.check ? Mode::check : raw.trace ? Mode::trace : Mode::agent;
  Format usual = options.mode == Mode::trace ? Format::table : Format::json;
  options.format = raw.format.empty() ? usual : formats.at(raw.format);
  return options;
}

int wrong(const std::string& why) {
  std::cerr << "forkmon: " << why << " (see forkmon --help)\n";
  return wrong_usage;
}

} // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  CLI::App app(description, "forkmon");
  Raw raw;
  app.set_version_flag("--version", "forkmon " FORKMON_VERSION);
  app.set_config("--config", "", "Read options from a TOML file")->type_name("FILE");
  app.allow_config_extras(CLI::config_extras_mode::error);
  add_mode_options(app, raw);
  add_output_options(app, raw);
  add_web_options(app, raw.options.web);
  add_sensor_options(app, raw);
  add_filters(app, raw.options.filters);
  app.positionals_at_end();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) { // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  if (raw.options.command.empty() && argc > 1 && std::string_view(argv[argc - 1]) == "--")
    return wrong("-- is to be followed by a command");
  if (auto why = contradiction(raw))
    return wrong(*why);
  if (app.get_config_ptr()->count() > 0)
    raw.options.config_file = app.get_config_ptr()->as<std::string>();
  return settle(std::move(raw));
}

} // namespace forkmon
