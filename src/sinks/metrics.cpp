// SPDX-License-Identifier: MIT
#include "sinks/metrics.h"

#include "sinks/agent_metrics.h"
#include "sinks/label_limiter.h"
#include "sinks/listen_address.h"
#include "sinks/process_stats.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

namespace forkmon {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries thread_buckets{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const Histogram::BucketBoundaries seconds_buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                  0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                  1,      2.5,     5,      10};

// The web server's threads must leave SIGTERM and its like to the agent's own thread.
class BlockedSignals {
public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

private:
  sigset_t before_{};
};

// Sets a counter to a total that only ever grows.
void raise(Counter& counter, double total) {
  counter.Increment(total - counter.Value()); // ignores a negative difference
}

void raise(Counter& counter, std::uint64_t total) {
  raise(counter, static_cast<double>(total));
}

// By one, but not below zero: the event that raised it may have been lost.
void lower(Gauge& gauge) {
  gauge.Set(std::max(gauge.Value() - 1, 0.0));
}

} // namespace

struct Metrics::Impl {
  Impl(const std::string& version, std::size_t max_exes);

  Family<Counter>& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
  }
  Family<Gauge>& gauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
  }
  Histogram& histogram(const char* name, const char* help,
                       const Histogram::BucketBoundaries& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add({}, buckets);
  }

  void add(const TaintedForkFinding& fork);
  void add(const UnsafeCallFinding& call);
  void add(const DeadlockFinding& deadlock);
  void add(const DeadlockOverFinding& over);
  void add(const ChildFinding& child);
  void add(const LostFinding&) {}
  void update_process();

  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  LabelLimiter exes;

  Family<Counter>& forks = counter("forkmon_forks_total", "Processes and threads made.");
  Family<Counter>& tainted_forks =
      counter("forkmon_tainted_forks_total",
              "Processes forked by a process with several threads, or by a tainted one.");
  Family<Counter>& unsafe_calls =
      counter("forkmon_unsafe_calls_total",
              "Calls of async-signal-unsafe functions by tainted children: the first of each "
              "function at once, the others at the child's exec or end.");
  Family<Counter>& deadlocks =
      counter("forkmon_deadlocks_total", "Tainted children proven to wait for ever.");
  Family<Counter>& suspected_deadlocks =
      counter("forkmon_suspected_deadlocks_total",
              "Tainted children that do not go on, without proof that they never will.");
  Family<Gauge>& deadlocked_children =
      gauge("forkmon_deadlocked_children", "Living tainted children proven to wait for ever.");
  Family<Gauge>& suspected_children =
      gauge("forkmon_suspected_children",
            "Living tainted children that do not go on, without proof that they never will.");
  Family<Counter>& children =
      counter("forkmon_children_total", "Tainted children that called exec or ended.");
  Family<Gauge>& live_children =
      gauge("forkmon_live_tainted_children", "Tainted children that live on without exec.");
  Histogram& parent_threads = histogram("forkmon_parent_threads",
                                        "Threads of the parent at a tainted fork.", thread_buckets);
  Histogram& fork_to_exec =
      histogram("forkmon_fork_to_exec_seconds", "Time from a tainted fork to the child's exec.",
                seconds_buckets);
  Family<Counter>& events_lost =
      counter("forkmon_events_lost_total", "Records that a sensor had to drop.");
  Family<Gauge>& sensor_active =
      gauge("forkmon_sensor_active", "1 where a sensor is at work, else 0.");
  Gauge& armed_families =
      gauge("forkmon_armed_families", "Families that carry probes now.").Add({});
  Counter& probe_hits =
      counter("forkmon_probe_hits_total", "Probe hits, whoever made them.").Add({});
  Counter& unresolved_hits =
      counter("forkmon_unresolved_probe_hits_total",
              "Probe hits by tainted children for which no function could be named.")
          .Add({});
  Family<Counter>& function_calls =
      counter("forkmon_function_calls_total",
              "Calls of async-signal-unsafe functions by tainted children, as the kernel counted "
              "them: exact even where events were lost.");
  Counter& label_overflow =
      counter("forkmon_label_overflow_total", "Findings whose exe label was folded into \"other\".")
          .Add({});
  Counter& process_cpu =
      counter("process_cpu_seconds_total", "User and system CPU time of this process.").Add({});
  Gauge& process_memory =
      gauge("process_resident_memory_bytes", "Resident memory of this process.").Add({});
  Gauge& process_fds = gauge("process_open_fds", "Open file descriptors of this process.").Add({});
  Gauge& process_start =
      gauge("process_start_time_seconds", "Start of this process since the epoch.").Add({});
  AgentMetrics agent{*registry};
  // Last: no scrape may find the members above gone.
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Impl::Impl(const std::string& version, std::size_t max_exes) : exes(max_exes) {
  gauge("forkmon_build_info", "Always 1; the version is on the label.")
      .Add({{"version", version}})
      .Set(1);
  update_process();
}

void Metrics::Impl::add(const TaintedForkFinding& fork) {
  const std::string exe = exes.value(fork.subject.parent.exe);
  tainted_forks.Add({{"exe", exe}}).Increment();
  live_children.Add({{"exe", exe}}).Increment();
  parent_threads.Observe(fork.subject.parent.threads);
}

void Metrics::Impl::add(const UnsafeCallFinding& call) {
  unsafe_calls
      .Add({{"exe", exes.value(call.subject.parent.exe)},
            {"function", call.function},
            {"category", call.category},
            {"severity", to_string(call.severity)}})
      .Increment();
}

void Metrics::Impl::add(const DeadlockFinding& deadlock) {
  const std::string exe = exes.value(deadlock.subject.parent.exe);
  auto& total = deadlock.proof ? deadlocks : suspected_deadlocks;
  auto& living = deadlock.proof ? deadlocked_children : suspected_children;
  total.Add({{"exe", exe}, {"lock", to_string(deadlock.lock.kind)}}).Increment();
  living.Add({{"exe", exe}}).Increment();
}

void Metrics::Impl::add(const DeadlockOverFinding& over) {
  auto& living = over.proof ? deadlocked_children : suspected_children;
  lower(living.Add({{"exe", exes.value(over.subject.parent.exe)}}));
}

void Metrics::Impl::add(const ChildFinding& child) {
  const std::string exe = exes.value(child.subject.parent.exe);
  for (const CallCount& call : child.calls)
    unsafe_calls
        .Add({{"exe", exe},
              {"function", call.function},
              {"category", call.category},
              {"severity", to_string(call.severity)}})
        .Increment(static_cast<double>(call.count) - 1); // the first call counted when it came
  if (child.outcome == Outcome::alive)
    return;
  children.Add({{"exe", exe}, {"outcome", to_string(child.outcome)}}).Increment();
  lower(live_children.Add({{"exe", exe}}));
  if (child.outcome == Outcome::exec)
    fork_to_exec.Observe(static_cast<double>(child.lifetime_us) / 1e6);
}

void Metrics::Impl::update_process() {
  const ProcessStats stats = ProcessStats::read();
  raise(process_cpu, stats.cpu_seconds);
  process_memory.Set(stats.resident_memory_bytes);
  process_fds.Set(stats.open_fds);
  process_start.Set(stats.start_time_seconds);
}

Metrics::Metrics(const std::string& version, std::size_t max_exes)
    : impl_(std::make_unique<Impl>(version, max_exes)) {}

Metrics::~Metrics() = default;

Result<std::unique_ptr<Metrics>> Metrics::serve(const std::string& address,
                                                const std::string& version, std::size_t max_exes) {
  if (const Status status = check_listen_address(address); !status)
    return status.error();
  auto metrics = std::make_unique<Metrics>(version, max_exes);
  try {
    const BlockedSignals blocked;
    metrics->impl_->exposer = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", address, "num_threads", "2", "request_timeout_ms", "10000"});
    metrics->impl_->exposer->RegisterCollectable(metrics->impl_->registry);
  } catch (const std::exception& error) {
    return Error{fmt::format("cannot serve metrics on {}: {}; choose another with --listen "
                             "ADDR:PORT",
                             address, error.what())};
  }
  return metrics;
}

void Metrics::on(const Finding& finding) {
  std::visit([this](const auto& f) { impl_->add(f); }, finding);
  raise(impl_->label_overflow, impl_->exes.overflows());
}

void Metrics::update(const KernelTotals& totals) {
  raise(impl_->forks.Add({{"mode", "fork"}}), totals.forks);
  raise(impl_->forks.Add({{"mode", "vfork"}}), totals.vforks);
  raise(impl_->forks.Add({{"mode", "thread"}}), totals.threads);
  raise(impl_->probe_hits, totals.probe_hits);
  raise(impl_->unresolved_hits, totals.unresolved_hits);
  impl_->armed_families.Set(static_cast<double>(totals.armed_families));
  for (const auto& [sensor, count] : totals.lost)
    raise(impl_->events_lost.Add({{"sensor", sensor}}), count);
  for (const auto& [sensor, active] : totals.sensor_active)
    impl_->sensor_active.Add({{"sensor", sensor}}).Set(active ? 1 : 0);
  for (const auto& [function, count] : totals.calls)
    raise(impl_->function_calls.Add({{"function", function}}), count);
  impl_->update_process();
}

void Metrics::update(const AgentState& state) {
  impl_->agent.update(state);
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

int Metrics::port() const {
  return impl_->exposer ? impl_->exposer->GetListeningPorts().at(0) : 0;
}

} // namespace forkmon
