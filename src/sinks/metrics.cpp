// SPDX-License-Identifier: MIT
#include "sinks/metrics.h"

#include "sinks/agent_metrics.h"
#include "sinks/finding_metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>

namespace forkmon {

struct Metrics::Impl {
  Impl(const std::string& version, std::size_t max_label_values)
      : findings(max_label_values), agent(version, max_label_values) {}

  std::vector<prometheus::MetricFamily> collect() const {
    const std::lock_guard lock(mutex);
    std::vector<prometheus::MetricFamily> families = findings.collect();
    std::ranges::move(agent.collect(), std::back_inserter(families));
    return families;
  }

  mutable std::mutex mutex;
  FindingMetrics findings;
  AgentMetrics agent;
};

Metrics::Metrics(const std::string& version, std::size_t max_label_values)
    : impl_(std::make_unique<Impl>(version, std::max<std::size_t>(max_label_values, 1))) {}

Metrics::~Metrics() = default;

void Metrics::on(const Finding& finding) {
  const std::lock_guard lock(impl_->mutex);
  impl_->findings.on(finding);
}

void Metrics::update(const KernelTotals& totals, const AgentState& state, std::uint64_t now_ns) {
  const std::lock_guard lock(impl_->mutex);
  impl_->findings.age_out(now_ns);
  impl_->agent.update(totals, state, now_ns);
  impl_->agent.update_series(impl_->findings.series(), impl_->findings.overflows());
}

/// Written without the lock, so that the agent does not wait for it.
std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families = impl_->collect();
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<Offender> Metrics::offenders(std::size_t max) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->findings.offenders(max);
}

} // namespace forkmon
