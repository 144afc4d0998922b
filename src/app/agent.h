// SPDX-License-Identifier: MIT
/// What the agent does beside watching: metrics, the service manager, a new configuration.
#pragma once

#include "app/agent_server.h"
#include "app/monitor.h"
#include "app/options.h"
#include "app/reporter.h"
#include "app/service.h"
#include "forkmon/agent_state.h"

#include <functional>
#include <memory>

namespace forkmon {

class Agent {
public:
  /// Reads the command line and the configuration file once more.
  using Reread = std::function<Result<Options>()>;

  /// Serves metrics, and gives up the capabilities that only the start needed. The sensors are
  /// attached by now. The reporter must outlive it.
  static Result<std::unique_ptr<Agent>> start(const Options& options, Reporter& reporter,
                                              Reread reread);

  /// All is in place.
  void ready() { service_.ready(); }
  void tick(std::uint64_t now_ns, const Monitor& monitor);
  /// Takes over what can be changed in a running agent. A configuration with a mistake changes
  /// nothing.
  void reload();
  void stopping() { service_.stopping(); }

private:
  Agent(const Options& options, Reporter& reporter, Reread reread);
  Status take_over(Options fresh);
  void update(std::uint64_t now_ns, const Monitor& monitor);
  void tell_unresolved(std::uint64_t hits);

  Options options_; ///< in force
  Reporter& reporter_;
  Reread reread_;
  ConfigState config_;
  Service service_;
  std::unique_ptr<AgentServer> server_;
  std::uint64_t last_update_ns_ = 0;
  std::uint64_t next_unresolved_ = 1; ///< how many hits are said in the log
};

/// What of `fresh` takes effect at the next start only: the names of options.
std::vector<std::string> fixed_changes(const Options& running, const Options& fresh);

} // namespace forkmon
