// SPDX-License-Identifier: MIT
#include "app/agent.h"

#include "app/log.h"
#include "app/privileges.h"
#include "util/time.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace forkmon {
namespace {

constexpr std::uint64_t update_period_ns = 1'000'000'000;

const char* name_of(ProbePolicy policy) {
  switch (policy) {
  case ProbePolicy::automatic:
    break;
  case ProbePolicy::all:
    return "all";
  case ProbePolicy::none:
    return "none";
  }
  return "auto";
}

/// What cannot change in a running agent, by name: the sensors, their programs and the web server
/// are set up once.
template <typename Visit>
void for_each_fixed(const Visit& visit) {
  visit("listen", &Options::listen);
  visit("web-*, max-label-values", &Options::web);
  visit("probe", &Options::probe);
  visit("probe-budget", &Options::probe_budget);
  visit("ring-bytes", &Options::ring_bytes);
  visit("bpf-stats", &Options::bpf_stats);
  visit("stack-bytes", &Options::stack_bytes);
  visit("stack-interval", &Options::stack_interval);
  visit("function", &Options::functions);
}

void keep_fixed(const Options& running, Options& fresh) {
  for_each_fixed([&](const char*, auto member) { fresh.*member = running.*member; });
}

} // namespace

std::vector<std::string> fixed_changes(const Options& running, const Options& fresh) {
  std::vector<std::string> names;
  for_each_fixed([&](const char* name, auto member) {
    if (fresh.*member != running.*member)
      names.emplace_back(name);
  });
  return names;
}

Agent::Agent(const Options& options, Reporter& reporter, Reread reread)
    : options_(options), reporter_(reporter),
      reread_(std::move(reread)), config_{.probe = name_of(options.probe),
                                          .file = options.config_file,
                                          .last_success_seconds = seconds_since_epoch()} {}

Result<std::unique_ptr<Agent>> Agent::start(const Options& options, Reporter& reporter,
                                            Reread reread) {
  std::unique_ptr<Agent> agent(new Agent(options, reporter, std::move(reread)));
  // Before the web server's threads, which are to have no more than this one.
  if (auto dropped = drop_start_privileges(); !dropped)
    return dropped.error();
  auto server = AgentServer::start(options);
  if (!server)
    return server.error();
  agent->server_ = std::move(*server);
  reporter.count_in(agent->server_->metrics());
  return agent;
}

void Agent::tick(std::uint64_t now_ns, const Monitor& monitor) {
  service_.tick(now_ns);
  server_->tick(now_ns);
  flush_log();
  if (now_ns - last_update_ns_ < update_period_ns)
    return;
  last_update_ns_ = now_ns;
  update(now_ns, monitor);
}

void Agent::update(std::uint64_t now_ns, const Monitor& monitor) {
  KernelTotals totals = monitor.totals();
  const LossyOutput::Losses output = reporter_.output_losses();
  totals.lost[{"output", "buffer_full"}] = output.buffer_full;
  totals.lost[{"output", "write_error"}] = output.write_error;
  server_->count_errors("output", reporter_.output_failures());
  AgentState state;
  state.config = config_;
  state.suppressed = reporter_.suppressed();
  state.allowed = reporter_.allowed();
  server_->update(totals, state, now_ns);
  tell_unresolved(totals.unresolved_hits);
  std::uint64_t lost = 0;
  for (const auto& [where, count] : totals.lost)
    lost += count;
  service_.status(fmt::format("{} armed families, {} tainted forks so far, {} events lost",
                              totals.armed_families, totals.tainted_forks, lost));
}

/// At the first one, and again whenever there are ten times as many.
void Agent::tell_unresolved(std::uint64_t hits) {
  if (hits < next_unresolved_)
    return;
  while (next_unresolved_ <= hits)
    next_unresolved_ *= 10;
  spdlog::warn("{} hits of probes could not be matched to a library so far: these calls are not "
               "counted, and the children that made them are not exact",
               hits);
}

void Agent::reload() {
  service_.reloading();
  auto fresh = reread_();
  const Status done = fresh ? take_over(std::move(*fresh)) : Status(fresh.error());
  config_.last_reload_successful = static_cast<bool>(done);
  if (done) {
    config_.reloads_successful++;
    config_.last_success_seconds = seconds_since_epoch();
  } else {
    config_.reloads_failed++;
    spdlog::error("the former configuration stays in force: {}", done.error().message);
  }
  service_.ready();
}

Status Agent::take_over(Options fresh) {
  if (auto done = reporter_.reconfigure(fresh); !done)
    return done;
  const auto later = fixed_changes(options_, fresh);
  keep_fixed(options_, fresh);
  options_ = std::move(fresh);
  set_log_level(options_.log_level);
  config_.file = options_.config_file;
  spdlog::info("configuration reloaded{}{}", options_.config_file.empty() ? "" : " from ",
               options_.config_file);
  if (!later.empty())
    spdlog::warn("at the next start only: {}", fmt::join(later, ", "));
  return ok();
}

} // namespace forkmon
