// SPDX-License-Identifier: MIT
/// The agent's metrics, and the web server that shows them.
#pragma once

#include "app/agent_endpoint.h"
#include "app/options.h"
#include "http/server.h"
#include "sinks/metrics.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace forkmon {

class AgentServer {
public:
  /// Serves as the options say. Error: an address, a certificate or a password file that cannot be
  /// used.
  static Result<std::unique_ptr<AgentServer>> start(const Options& options);

  Metrics& metrics() { return metrics_; }
  /// At each round of the agent's loop.
  void tick(std::uint64_t now_ns) { endpoint_.on_tick(now_ns); }
  /// About once a second.
  void update(const KernelTotals& totals, AgentState state, std::uint64_t now_ns);
  /// The agent could not do something of its own, so many times in all. `component`: one of a few
  /// words.
  void count_errors(const std::string& component, std::uint64_t total);

private:
  AgentServer(const Options& options, std::optional<BasicAuth> auth);

  Metrics metrics_;
  AgentEndpoint endpoint_;
  std::map<std::string, std::uint64_t> errors_;
  std::optional<double> last_error_seconds_;
  std::unique_ptr<HttpServer> server_; ///< gone before what its thread uses
};

} // namespace forkmon
