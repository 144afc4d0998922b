// SPDX-License-Identifier: MIT
/// What the agent answers over HTTP: /metrics, /healthz, /readyz and a page at /.
#pragma once

#include "forkmon/totals.h"
#include "http/basic_auth.h"
#include "http/message.h"
#include "sinks/metrics.h"
#include "sinks/status_page.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace forkmon {

/// answer() is for the web server's thread, the rest for the agent's.
class AgentEndpoint {
public:
  /// With `auth`, all but /healthz and /readyz ask for a password.
  AgentEndpoint(const Metrics& metrics, std::optional<BasicAuth> auth, std::string version,
                std::string config_file);

  /// The agent's loop has come round.
  void on_tick(std::uint64_t now_ns) { last_tick_ns_ = now_ns; }
  void update(const KernelTotals& totals);

  HttpResponse answer(const HttpRequest& request, std::uint64_t now_ns);

private:
  HttpResponse health(std::uint64_t now_ns) const;
  HttpResponse readiness() const;
  HttpResponse page() const;
  std::optional<HttpResponse> refusal(const HttpRequest& request, std::uint64_t now_ns);
  AgentStatus status() const;

  const Metrics& metrics_;
  std::optional<BasicAuth> auth_;
  std::atomic<std::uint64_t> last_tick_ns_ = 0;
  mutable std::mutex mutex_; ///< of status_
  AgentStatus status_;       ///< but for its offenders
};

} // namespace forkmon
