// SPDX-License-Identifier: MIT
#include "app/session.h"

#include "app/agent.h"
#include "app/command.h"
#include "app/event_loop.h"
#include "app/inventory.h"
#include "app/log.h"
#include "app/monitor.h"
#include "app/reporter.h"
#include "process/pid_namespace.h"
#include "sensors/check.h"
#include "sinks/inventory_text.h"
#include "util/text.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <malloc.h>

#include <csignal>
#include <utility>

namespace forkmon {
namespace {

constexpr int could_not_start = 1;
/// Seconds; in a session for one family every stack is worth its price.
constexpr double usual_stack_interval = 10;
/// Mapped twice, all of it: most of what the agent takes of memory. A session lives shortly and
/// copies more stacks.
constexpr std::size_t agent_ring_bytes = 4U << 20U;
constexpr std::size_t trace_ring_bytes = 8U << 20U;
constexpr std::chrono::milliseconds tick_period{100};

/// Signals are taken from a file descriptor; a closed pipe is an error of write(2).
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

class Session {
public:
  Session(const Options& options, Agent::Reread reread)
      : options_(options), reread_(std::move(reread)) {}
  /// Everything is in place and the first event can come.
  Status start();
  int run();

private:
  Status check_target() const;
  Status check_namespace() const;
  Status start_target();
  Status start_agent();
  Status start_loop();
  void announce() const;
  void show_inventory() const;
  void on_signal(int signal);
  void on_tick();
  bool is_over() const;
  int exit_status();
  std::string scope() const;
  std::string ending() const;

  const Options& options_;
  Agent::Reread reread_;
  std::optional<Command> command_;
  Fd target_; ///< pidfd of -p's process
  bool target_ended_ = false;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Monitor> monitor_;
  std::unique_ptr<Agent> agent_; ///< null in a trace
  std::optional<EventLoop> loop_;
  std::uint64_t started_ns_ = 0;
  std::optional<int> failed_exec_;
};

Status Session::check_target() const {
  auto stat = read_stat(*options_.pid);
  if (!stat)
    return Error{fmt::format("there is no process {}", *options_.pid)};
  if (stat->is_kernel_thread)
    return Error{fmt::format("process {} is a kernel thread: it never forks", *options_.pid)};
  return ok();
}

/// A fleet's agent that sees nothing but its own container would be taken for a healthy host.
Status Session::check_namespace() const {
  const auto own = own_pid_namespace();
  if (!own)
    return own.error();
  if (own->sees_whole_host() || options_.mode != Mode::agent)
    return ok();
  return Error{fmt::format("the agent watches a whole host, and this pid namespace shows a part of "
                           "it: use the host's ({}); in this one there is forkmon --trace",
                           ways_to_host_pid_namespace)};
}

Status Session::start() {
  if (auto checked = check_namespace(); !checked)
    return checked;
  if (options_.pid)
    if (auto checked = check_target(); !checked)
      return checked;
  if (auto missing = missing_prerequisite())
    return Error{*missing};
  auto reporter = Reporter::open(options_);
  if (!reporter)
    return reporter.error();
  reporter_ = std::move(*reporter);
  if (!options_.command.empty()) { // before any thread of ours
    auto command = Command::prepare(options_.command, options_.user);
    if (!command)
      return command.error();
    command_.emplace(std::move(*command));
  }
  bool one_family = command_ || options_.pid;
  double interval = options_.stack_interval.value_or(one_family ? 0 : usual_stack_interval);
  std::chrono::duration<double> stack_interval(interval);
  auto monitor = Monitor::start(
      {.watched_only = one_family,
       .probe = options_.probe,
       .probe_budget = options_.probe_budget / 100,
       .ring_bytes = options_.ring_bytes.value_or(options_.mode == Mode::agent ? agent_ring_bytes
                                                                               : trace_ring_bytes),
       .bpf_stats = options_.bpf_stats,
       .stack_bytes = options_.stack_bytes,
       .stack_interval = std::chrono::duration_cast<std::chrono::nanoseconds>(stack_interval),
       .functions = options_.functions},
      [this](const Finding& finding) { reporter_->on(finding); });
  if (!monitor)
    return monitor.error();
  monitor_ = std::move(*monitor);
  if (auto serving = start_agent(); !serving)
    return serving;
  if (auto looping = start_loop(); !looping)
    return looping;
  started_ns_ = monotonic_now_ns();
  return start_target();
}

Status Session::start_agent() {
  if (options_.mode != Mode::agent)
    return ok();
  auto agent = Agent::start(options_, *reporter_, std::move(reread_));
  if (!agent)
    return agent.error();
  agent_ = std::move(*agent);
  return make_log_lossy();
}

Status Session::start_loop() {
  auto loop = EventLoop::create();
  if (!loop)
    return loop.error();
  loop_.emplace(std::move(*loop));
  auto on_signal = [this](int signal) { this->on_signal(signal); };
  if (auto done = loop_->on_signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT}, on_signal); !done)
    return done;
  if (auto done = loop_->watch(monitor_->ring_fd(), [this] { monitor_->poll(); }); !done)
    return done;
  if (int maps = monitor_->maps_fd(); maps >= 0)
    if (auto done = loop_->watch(maps, [this] { monitor_->look(); }); !done)
      return done;
  return loop_->every(tick_period, [this] { on_tick(); });
}

/// Arms first, then lets go: nothing of the command's family is missed.
Status Session::start_target() {
  if (command_) {
    if (auto watched = monitor_->watch(command_->pid(), Inheritance::through_exec); !watched)
      return watched;
    if (auto done = loop_->watch_once(command_->pidfd(), [this] { loop_->stop(); }); !done)
      return done;
    auto released = command_->release();
    if (!released) {
      spdlog::error("{}: {}", for_terminal(options_.command[0]),
                    std::strerror(released.error().code));
      failed_exec_ = status_of_failed_exec(released.error().code);
    }
    return ok();
  }
  if (!options_.pid) {
    monitor_->adopt_all();
    return ok();
  }
  auto pidfd = open_pidfd(*options_.pid);
  if (!pidfd)
    return pidfd.error();
  target_ = std::move(*pidfd);
  if (auto watched = monitor_->watch_family(*options_.pid); !watched)
    return watched;
  return loop_->watch_once(target_.get(), [this] { target_ended_ = true; });
}

std::string Session::scope() const {
  if (options_.pid)
    return fmt::format("process {} and its children, until it ends", *options_.pid);
  if (options_.mode == Mode::agent)
    return fmt::format("the whole system, metrics on {}://{}/metrics",
                       options_.web.tls_cert.empty() ? "http" : "https", options_.listen);
  const auto own = own_pid_namespace();
  return own && own->sees_whole_host() ? "the whole system, until Ctrl-C"
                                       : "the processes of this pid namespace, until Ctrl-C";
}

/// What ended a session of -p; nothing where the user did.
std::string Session::ending() const {
  return target_ended_ ? fmt::format("process {} ended", *options_.pid) : std::string();
}

/// What is there at the start, so that silence afterwards is not taken for health.
void Session::show_inventory() const {
  if (command_ || options_.mode != Mode::trace)
    return;
  if (auto err = Output::on(STDERR_FILENO, "standard error"))
    (void)err->write("forkmon: " + (options_.pid ? inventory_text(family_inventory(*options_.pid))
                                                 : inventory_text(system_inventory())));
}

void Session::announce() const {
  if (!command_)
    spdlog::info("watching {}", scope());
  if (agent_)
    agent_->ready();
  else
    sd_notify(0, "READY=1");
}

void Session::on_signal(int signal) {
  if (agent_ && signal == SIGHUP)
    return agent_->reload();
  if (!command_) {
    loop_->stop();
    return;
  }
  // The terminal sends Ctrl-C to the command too; we end when it does.
  if (signal == SIGTERM || signal == SIGHUP)
    command_->forward(signal);
}

void Session::on_tick() {
  const std::uint64_t now_ns = monotonic_now_ns();
  monitor_->tick(now_ns);
  reporter_->tick(now_ns);
  if (agent_)
    agent_->tick(now_ns, *monitor_);
  if (is_over())
    loop_->stop();
}

bool Session::is_over() const {
  bool nobody_reads = reporter_->output_failed() && options_.mode == Mode::trace && !command_;
  bool family_ended = target_ended_ && monitor_->live_children() == 0;
  return nobody_reads || family_ended;
}

int Session::run() {
  malloc_trim(0); // loading BPF programs and reading libraries takes far more than what comes
  show_inventory();
  announce();
  auto ran = loop_->run();
  if (!ran)
    spdlog::error("{}", ran.error().message);
  return exit_status();
}

/// The command is reaped before the last look, so that its own end is part of it.
int Session::exit_status() {
  if (agent_)
    agent_->stopping();
  std::optional<int> command_status;
  if (command_)
    command_status = command_->wait();
  std::uint64_t now_ns = monotonic_now_ns();
  monitor_->finish(now_ns);
  reporter_->finish(now_ns);
  if (options_.mode == Mode::trace && !failed_exec_) {
    auto err = Output::on(STDERR_FILENO, "standard error");
    std::uint64_t traced_us = (now_ns - started_ns_) / 1000;
    if (err)
      (void)err->write(reporter_->summary().render(traced_us, monitor_->totals(), ending()));
  }
  if (failed_exec_)
    return *failed_exec_;
  auto worst = reporter_->worst();
  if (options_.error_exitcode && worst && *worst >= options_.fail_severity)
    return *options_.error_exitcode;
  if (command_status)
    return *command_status;
  return reporter_->output_failed() ? could_not_start : 0;
}

} // namespace

int run_session(const Options& options, std::function<Result<Options>()> reread) {
  block_signals();
  Session session(options, std::move(reread));
  if (auto started = session.start(); !started) {
    spdlog::error("{}", started.error().message);
    return could_not_start;
  }
  return session.run();
}

} // namespace forkmon
