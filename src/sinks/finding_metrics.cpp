// SPDX-License-Identifier: MIT
#include "sinks/finding_metrics.h"

#include "util/text.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

namespace forkmon {
namespace {

using prometheus::Histogram;

/// docs/metrics.md says why these.
const Histogram::BucketBoundaries thread_buckets{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const Histogram::BucketBoundaries seconds_buckets{
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30};

constexpr std::uint64_t max_unused_ns = 3'600'000'000'000;

std::string exe_of(const Subject& subject) {
  return for_terminal(subject.parent.exe); // labels end up on terminals and in alert texts
}

std::string container_of(const Subject& subject) {
  return subject.container ? for_terminal(subject.container->uri()) : "";
}

template <typename Calls>
LabelValues call_labels(const Subject& subject, const Calls& call) {
  return {exe_of(subject), for_terminal(call.function), for_terminal(call.category),
          to_string(call.severity), container_of(subject)};
}

/// Where healthy programs often look the same, nobody is to be called.
bool is_worth_a_look(std::optional<Severity> suspicion) {
  return suspicion && *suspicion > Severity::info;
}

std::size_t bound(const MetricInfo& info, std::size_t max_label_values) {
  return info.series_per_value * std::max<std::size_t>(max_label_values, 1);
}

prometheus::MetricFamily collect(const MetricInfo& info, const Histogram& histogram) {
  return {.name = info.name, .help = info.help, .type = info.type, .metric = {histogram.Collect()}};
}

} // namespace

FindingMetrics::FindingMetrics(std::size_t max)
    : tainted_forks_(metric::tainted_forks, bound(metric::tainted_forks, max)),
      unsafe_calls_(metric::unsafe_calls, bound(metric::unsafe_calls, max)),
      children_(metric::children, bound(metric::children, max)),
      deadlocks_(metric::deadlocks, bound(metric::deadlocks, max)),
      suspected_deadlocks_(metric::suspected_deadlocks, bound(metric::suspected_deadlocks, max)),
      live_children_(metric::live_children, bound(metric::live_children, max)),
      deadlocked_children_(metric::deadlocked_children, bound(metric::deadlocked_children, max)),
      suspected_children_(metric::suspected_children, bound(metric::suspected_children, max)),
      parent_threads_(thread_buckets), fork_to_exec_(seconds_buckets) {}

void FindingMetrics::on(const Finding& finding) {
  std::visit([this](const auto& f) { add(f); }, finding);
}

void FindingMetrics::add(const TaintedForkFinding& fork) {
  const std::string exe = exe_of(fork.subject);
  tainted_forks_.add({exe, container_of(fork.subject)}, 1, fork.time_ns);
  if (fork.lives)
    live_children_.raise({exe}, fork.time_ns);
  parent_threads_.Observe(fork.subject.parent.threads);
}

void FindingMetrics::add(const UnsafeCallFinding& call) {
  unsafe_calls_.add(call_labels(call.subject, call), 1, call.time_ns);
}

void FindingMetrics::add(const DeadlockFinding& deadlock) {
  const std::string exe = exe_of(deadlock.subject);
  const std::string container = container_of(deadlock.subject);
  const std::string lock = to_string(deadlock.lock.kind);
  if (deadlock.proof) {
    deadlocks_.add({exe, lock, container}, 1, deadlock.time_ns);
    deadlocked_children_.raise({exe, container}, deadlock.time_ns);
    if (is_worth_a_look(deadlock.suspected_before))
      suspected_children_.lower({exe}, deadlock.time_ns);
  } else if (is_worth_a_look(deadlock.severity)) {
    suspected_deadlocks_.add({exe, lock}, 1, deadlock.time_ns);
    suspected_children_.raise({exe}, deadlock.time_ns);
  }
}

void FindingMetrics::add(const DeadlockOverFinding& over) {
  const std::string exe = exe_of(over.subject);
  if (over.proof)
    deadlocked_children_.lower({exe, container_of(over.subject)}, over.time_ns);
  else if (is_worth_a_look(over.reported_severity))
    suspected_children_.lower({exe}, over.time_ns);
}

void FindingMetrics::add(const ChildFinding& child) {
  for (const CallCount& call : child.calls)
    if (call.count > 1) // the first call counted when it came
      unsafe_calls_.add(call_labels(child.subject, call), static_cast<double>(call.count - 1),
                        child.time_ns);
  if (child.outcome == Outcome::alive)
    return;
  const std::string exe = exe_of(child.subject);
  children_.add({exe, to_string(child.outcome)}, 1, child.time_ns);
  if (child.was_counted)
    live_children_.lower({exe}, child.time_ns);
  if (child.outcome == Outcome::exec)
    fork_to_exec_.Observe(static_cast<double>(child.lifetime_us) / 1e6);
}

void FindingMetrics::age_out(std::uint64_t now_ns) {
  if (now_ns < max_unused_ns)
    return;
  const std::uint64_t before_ns = now_ns - max_unused_ns;
  auto in_use = [this](const LabelValues& values) {
    return live_children_.value({values.front()}) > 0; // exe comes first
  };
  for (BoundedCounters* counters :
       {&tainted_forks_, &unsafe_calls_, &children_, &deadlocks_, &suspected_deadlocks_})
    counters->age_out(before_ns, in_use);
  for (BoundedGauges* gauges : {&live_children_, &deadlocked_children_, &suspected_children_})
    gauges->age_out(before_ns);
}

std::vector<prometheus::MetricFamily> FindingMetrics::collect() const {
  return {tainted_forks_.collect(),
          unsafe_calls_.collect(),
          children_.collect(),
          live_children_.collect(),
          forkmon::collect(metric::parent_threads, parent_threads_),
          forkmon::collect(metric::fork_to_exec, fork_to_exec_),
          deadlocks_.collect(),
          deadlocked_children_.collect(),
          suspected_deadlocks_.collect(),
          suspected_children_.collect()};
}

std::size_t FindingMetrics::series() const {
  std::size_t sum = 0;
  for (const prometheus::MetricFamily& family : collect())
    for (const prometheus::ClientMetric& metric : family.metric)
      sum +=
          family.type == prometheus::MetricType::Histogram ? metric.histogram.bucket.size() + 2 : 1;
  return sum;
}

std::map<std::string, std::uint64_t> FindingMetrics::overflows() const {
  return {{metric::tainted_forks.name, tainted_forks_.overflows()},
          {metric::unsafe_calls.name, unsafe_calls_.overflows()},
          {metric::children.name, children_.overflows()},
          {metric::live_children.name, live_children_.overflows()},
          {metric::deadlocks.name, deadlocks_.overflows()},
          {metric::deadlocked_children.name, deadlocked_children_.overflows()},
          {metric::suspected_deadlocks.name, suspected_deadlocks_.overflows()},
          {metric::suspected_children.name, suspected_children_.overflows()}};
}

std::vector<Offender> FindingMetrics::offenders(std::size_t max) const {
  std::map<std::pair<std::string, std::string>, Offender> found; // by exe and container
  auto offender = [&found](const std::string& exe, const std::string& container) -> Offender& {
    return found.try_emplace({exe, container}, Offender{exe, container}).first->second;
  };
  deadlocked_children_.for_each([&](const LabelValues& values, double count) {
    if (count > 0)
      offender(values[0], values[1]).deadlocked_children += static_cast<std::uint64_t>(count);
  });
  unsafe_calls_.for_each([&](const LabelValues& values, double count) {
    Offender& caller = offender(values[0], values[4]);
    const bool is_high = values[3] == to_string(Severity::high);
    const bool is_warning = values[3] == to_string(Severity::warning);
    auto& calls = is_high      ? caller.high_calls
                  : is_warning ? caller.warning_calls
                               : caller.info_calls;
    calls += static_cast<std::uint64_t>(count);
  });
  std::vector<Offender> worst;
  for (auto& [key, one] : found)
    worst.push_back(std::move(one));
  std::ranges::stable_sort(worst, std::greater{}, [](const Offender& o) {
    return std::tuple(o.deadlocked_children, o.high_calls, o.warning_calls, o.info_calls);
  });
  worst.resize(std::min(worst.size(), max));
  return worst;
}

} // namespace forkmon
