// SPDX-License-Identifier: MIT
#include "correlate/child_sweep.h"

#include <iterator>

namespace forkmon {
namespace {

constexpr std::size_t usual_batch = 25; // of a tick, 100 ms
constexpr std::size_t hurried_batch = 1000;
/// Most children exec or end before this.
constexpr std::uint64_t swept_age_ns = 1'000'000'000;
constexpr std::uint64_t patience_ns = 1'000'000'000;

} // namespace

std::vector<ChildSweep::Gone> ChildSweep::look(const Correlator& children, std::uint64_t now_ns,
                                               const Ask& ask) {
  const std::size_t batch = hurried_rounds_ > 0 ? hurried_batch : usual_batch;
  const std::vector<ChildRef> next = children.living_after(last_, batch);
  for (const ChildRef& child : next) {
    if (now_ns < child.key.fork_time_ns + swept_age_ns || missing_.contains(child.key))
      continue;
    if (const Outcome outcome = ask(child); outcome != Outcome::alive)
      missing_[child.key] = {now_ns, outcome};
  }
  const bool is_round_over = next.size() < batch;
  last_ = is_round_over ? ChildKey{} : next.back().key;
  if (is_round_over && hurried_rounds_ > 0)
    hurried_rounds_--;
  return given_up(children, now_ns);
}

std::vector<ChildSweep::Gone> ChildSweep::given_up(const Correlator& children,
                                                   std::uint64_t now_ns) {
  std::vector<Gone> gone;
  for (auto it = missing_.begin(); it != missing_.end();) {
    const auto& [key, missing] = *it;
    const bool is_due = now_ns >= missing.since_ns + patience_ns;
    const bool is_in_books = children.is_living(key);
    if (is_due && is_in_books)
      gone.push_back({key, missing.outcome});
    it = is_due || !is_in_books ? missing_.erase(it) : std::next(it);
  }
  return gone;
}

} // namespace forkmon
