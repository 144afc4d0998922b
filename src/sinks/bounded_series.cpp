// SPDX-License-Identifier: MIT
#include "sinks/bounded_series.h"

#include <algorithm>
#include <utility>

namespace forkmon {
namespace {

prometheus::MetricFamily family_of(const MetricInfo& info) {
  return {.name = info.name, .help = info.help, .type = info.type, .metric = {}};
}

/// Both values are set: the serializer takes the one of the family's type.
prometheus::ClientMetric sample(const MetricInfo& info, const LabelValues& values, double value) {
  prometheus::ClientMetric metric;
  for (std::size_t i = 0; i < values.size(); ++i)
    metric.label.push_back({info.labels[i].name, values[i]});
  metric.counter.value = value;
  metric.gauge.value = value;
  return metric;
}

} // namespace

void BoundedCounters::add(const LabelValues& values, double amount, std::uint64_t now_ns) {
  auto found = series_.find(values);
  if (found == series_.end()) {
    // An executable that is called "other" has no series of its own: there may not be two alike.
    if (LabelValues other = folded(info_, values); other == values) {
      folded_[std::move(other)] += amount;
      return;
    }
    if (series_.size() >= max_series_)
      fold_one();
    found = series_.try_emplace(values).first;
  }
  found->second.value += amount;
  found->second.used_ns = now_ns;
}

void BoundedCounters::fold_one() {
  const auto oldest =
      std::ranges::min_element(series_, {}, [](const auto& entry) { return entry.second.used_ns; });
  folded_[folded(info_, oldest->first)] += oldest->second.value;
  series_.erase(oldest);
  ++overflows_;
}

void BoundedCounters::age_out(std::uint64_t before_ns,
                              const std::function<bool(const LabelValues&)>& in_use) {
  std::erase_if(series_, [&](const auto& entry) {
    return entry.second.used_ns < before_ns && !in_use(entry.first);
  });
}

prometheus::MetricFamily BoundedCounters::collect() const {
  prometheus::MetricFamily family = family_of(info_);
  for_each([&](const LabelValues& values, double value) {
    family.metric.push_back(sample(info_, values, value));
  });
  return family;
}

void BoundedCounters::for_each(const std::function<void(const LabelValues&, double)>& visit) const {
  for (const auto& [values, series] : series_)
    visit(values, series.value);
  for (const auto& [values, value] : folded_)
    visit(values, value);
}

LabelValues BoundedGauges::other() const {
  return LabelValues(info_.labels.size(), std::string(other_label));
}

void BoundedGauges::raise(const LabelValues& values, std::uint64_t now_ns) {
  if (values == other()) { // an executable of that name: there may not be two series alike
    has_other_ = true;
    ++hidden_[values];
    ++other_;
    return;
  }
  if (!shown_.contains(values))
    show(values);
  Series& series = shown_[values];
  series = {series.value + 1, now_ns};
}

void BoundedGauges::show(const LabelValues& values) {
  if (shown_.size() >= max_series_)
    hide_one();
  auto hidden = hidden_.extract(values);
  const std::uint64_t value = hidden ? hidden.mapped() : 0;
  other_ -= value;
  shown_[values].value = value;
}

/// One at zero first: nobody misses it.
void BoundedGauges::hide_one() {
  const auto oldest = std::ranges::min_element(shown_, {}, [](const auto& entry) {
    return std::pair(entry.second.value > 0, entry.second.used_ns);
  });
  if (const std::uint64_t value = oldest->second.value; value > 0) {
    has_other_ = true;
    hidden_[oldest->first] = value;
    other_ += value;
    ++overflows_;
  }
  shown_.erase(oldest);
}

void BoundedGauges::lower(const LabelValues& values, std::uint64_t now_ns) {
  if (auto found = shown_.find(values); found != shown_.end()) {
    Series& series = found->second;
    series = {series.value - std::min<std::uint64_t>(series.value, 1), now_ns};
    return;
  }
  auto hidden = hidden_.find(values);
  if (hidden == hidden_.end())
    return;
  --other_;
  if (--hidden->second == 0)
    hidden_.erase(hidden);
}

void BoundedGauges::age_out(std::uint64_t before_ns) {
  std::erase_if(shown_, [before_ns](const auto& entry) {
    return entry.second.value == 0 && entry.second.used_ns < before_ns;
  });
}

std::uint64_t BoundedGauges::value(const LabelValues& values) const {
  if (auto found = shown_.find(values); found != shown_.end())
    return found->second.value;
  auto hidden = hidden_.find(values);
  return hidden == hidden_.end() ? 0 : hidden->second;
}

prometheus::MetricFamily BoundedGauges::collect() const {
  prometheus::MetricFamily family = family_of(info_);
  for_each([&](const LabelValues& values, double value) {
    family.metric.push_back(sample(info_, values, value));
  });
  return family;
}

void BoundedGauges::for_each(const std::function<void(const LabelValues&, double)>& visit) const {
  for (const auto& [values, series] : shown_)
    visit(values, static_cast<double>(series.value));
  if (has_other_)
    visit(other(), static_cast<double>(other_));
}

} // namespace forkmon
