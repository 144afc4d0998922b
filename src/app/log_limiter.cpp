// SPDX-License-Identifier: MIT
#include "app/log_limiter.h"

#include <algorithm>

namespace forkmon {
namespace {

/// What the limit is applied to: who, and what of.
struct Line {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::info;
  std::string exe;
  std::string kind;
  std::string what;

  std::string rule() const { return what.empty() ? kind : kind + ":" + what; }
};

template <typename F>
Line line(const F& finding, const char* kind, std::string what = {}) {
  Line made{finding.time_ns, finding.severity, {}, kind, std::move(what)};
  if constexpr (requires { finding.subject; })
    made.exe = finding.subject.parent.exe;
  return made;
}

Line line_of(const TaintedForkFinding& fork) {
  return line(fork, "tainted_fork");
}
Line line_of(const UnsafeCallFinding& call) {
  return line(call, "unsafe_call", call.function);
}
Line line_of(const DeadlockFinding& deadlock) {
  return line(deadlock, "deadlock", to_string(deadlock.lock.kind));
}
Line line_of(const DeadlockOverFinding& over) {
  return line(over, "deadlock_over");
}
Line line_of(const ChildFinding& child) {
  return line(child, "child");
}
Line line_of(const LostFinding& lost) {
  return line(lost, "lost", lost.sensor);
}

} // namespace

bool LogLimiter::admits(const Finding& finding) {
  if (settings_.burst == 0)
    return true;
  const Line line = std::visit([](const auto& one) { return line_of(one); }, finding);
  if (line.severity == Severity::critical)
    return true;
  Period& period = period_of({line.exe, line.rule()}, line.time_ns);
  if (period.written < settings_.burst) {
    period.written++;
    return true;
  }
  period.left_out++;
  period.worst = std::max(period.worst, line.severity);
  suppressed_[line.kind]++;
  return false;
}

LogLimiter::Period& LogLimiter::period_of(Key key, std::uint64_t now_ns) {
  auto known = periods_.find(key);
  if (known == periods_.end() && periods_.size() >= settings_.max_keys)
    key = {"other", "other"};
  Period& period = periods_[key];
  // With lines left out it has yet to be told of.
  if (period.written == 0 || (period.left_out == 0 && has_ended(period, now_ns)))
    period = {.start_ns = now_ns};
  return period;
}

/// Findings may be stamped a little out of order.
bool LogLimiter::has_ended(const Period& period, std::uint64_t now_ns) const {
  return now_ns > period.start_ns &&
         now_ns - period.start_ns >= static_cast<std::uint64_t>(settings_.period.count());
}

/// Takes out the periods that have ended, and returns what is to be said of them.
std::vector<SuppressedLines> LogLimiter::end(std::uint64_t now_ns, bool all) {
  std::vector<SuppressedLines> told;
  std::erase_if(periods_, [&](const auto& entry) {
    const auto& [key, period] = entry;
    if (!all && !has_ended(period, now_ns))
      return false;
    if (period.left_out > 0)
      told.push_back(
          {now_ns, period.worst, key.first, key.second, period.left_out, period.start_ns});
    return true;
  });
  return told;
}

} // namespace forkmon
