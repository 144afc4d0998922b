// SPDX-License-Identifier: MIT
/// Findings and totals as Prometheus metrics. Names are a contract: added to, never renamed.
#pragma once

#include "forkmon/agent_state.h"
#include "forkmon/finding.h"
#include "forkmon/totals.h"
#include "util/result.h"

#include <cstddef>
#include <memory>
#include <string>

namespace forkmon {

/// on() and update() are for one thread; scrapes may come at any time from others.
class Metrics {
public:
  /// Counts without serving. At most `max_exes` distinct values of the label `exe`; later ones
  /// are folded into "other".
  explicit Metrics(const std::string& version, std::size_t max_exes = 100);
  ~Metrics();

  /// Serves http://`address`/metrics, from two threads that take no signals, until destroyed
  /// (which may take two seconds). The web server makes the process ignore SIGPIPE. Port 0: any
  /// free one. Errors: no IPv4 ADDR:PORT, or one that this process cannot listen on.
  static Result<std::unique_ptr<Metrics>>
  serve(const std::string& address, const std::string& version, std::size_t max_exes = 100);

  /// Losses are not counted here but by update(), exactly.
  void on(const Finding& finding);

  /// Takes over the kernel's totals, and reads what this process uses.
  void update(const KernelTotals& totals);
  /// Takes over what the agent says of itself.
  void update(const AgentState& state);

  /// What a scrape gets, in Prometheus' text format.
  std::string text() const;

  /// That it is served on; 0 where it is not served.
  int port() const;

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace forkmon
