// SPDX-License-Identifier: MIT
/// Time series whose labels hold foreign names, in bounded number: past the bound the least
/// recently used one is folded into "other", which keeps its value.
#pragma once

#include "sinks/metric_table.h"

#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

namespace forkmon {

/// Counters. None ever falls: a folded one's value is added to "other", and one that comes back
/// starts at 0, as after a restart. One that ages out is gone, and does not raise "other": its
/// rate has been 0 for long.
class BoundedCounters {
public:
  BoundedCounters(const MetricInfo& info, std::size_t max_series)
      : info_(info), max_series_(max_series) {}

  void add(const LabelValues& values, double amount, std::uint64_t now_ns);
  /// Removes those not used since `before_ns`, unless they are still `in_use`.
  void age_out(std::uint64_t before_ns, const std::function<bool(const LabelValues&)>& in_use);

  std::size_t size() const { return series_.size() + folded_.size(); }
  /// How many series were folded.
  std::uint64_t overflows() const { return overflows_; }
  prometheus::MetricFamily collect() const;
  void for_each(const std::function<void(const LabelValues&, double)>& visit) const;

private:
  void fold_one();

  struct Series {
    double value = 0;
    std::uint64_t used_ns = 0;
  };
  const MetricInfo& info_;
  std::size_t max_series_;
  std::map<LabelValues, Series> series_; ///< at most max_series_
  std::map<LabelValues, double> folded_; ///< as many as labels of our own have values
  std::uint64_t overflows_ = 0;
};

/// Gauges that count what lives. All labels are foreign. Each series is remembered while it is not
/// zero, shown or not, so that what was counted into "other" is taken out of it again: their
/// number is that of living children at most, which the correlator bounds.
class BoundedGauges {
public:
  BoundedGauges(const MetricInfo& info, std::size_t max_series)
      : info_(info), max_series_(max_series) {}

  void raise(const LabelValues& values, std::uint64_t now_ns);
  /// Nothing below zero: what raised it may have been lost.
  void lower(const LabelValues& values, std::uint64_t now_ns);
  /// Removes those at zero that were not used since `before_ns`.
  void age_out(std::uint64_t before_ns);

  std::uint64_t value(const LabelValues& values) const;
  std::size_t size() const { return shown_.size() + (has_other_ ? 1 : 0); }
  /// How many series were folded that were not zero.
  std::uint64_t overflows() const { return overflows_; }
  prometheus::MetricFamily collect() const;
  void for_each(const std::function<void(const LabelValues&, double)>& visit) const;

private:
  void show(const LabelValues& values);
  void hide_one();
  LabelValues other() const;

  struct Series {
    std::uint64_t value = 0;
    std::uint64_t used_ns = 0;
  };
  const MetricInfo& info_;
  std::size_t max_series_;
  std::map<LabelValues, Series> shown_;         ///< at most max_series_
  std::map<LabelValues, std::uint64_t> hidden_; ///< none of them zero
  std::uint64_t other_ = 0;                     ///< sum of hidden_
  bool has_other_ = false;                      ///< once there was a hidden one
  std::uint64_t overflows_ = 0;
};

} // namespace forkmon
