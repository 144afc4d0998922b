// SPDX-License-Identifier: MIT
#include "app/agent_server.h"

#include "http/listen_socket.h"
#include "util/time.h"

#include <utility>

namespace forkmon {
namespace {

/// Components whose errors are counted from the start on.
constexpr const char* counters = "counters";
constexpr const char* output = "output";

Result<std::optional<BasicAuth>> load_auth(const std::string& path) {
  if (path.empty())
    return std::optional<BasicAuth>();
  auto auth = BasicAuth::load(path);
  if (!auth)
    return auth.error().in("--web-basic-auth-file");
  return std::optional(std::move(*auth));
}

std::optional<HttpServer::Tls> tls_of(const WebOptions& web) {
  if (web.tls_cert.empty())
    return std::nullopt;
  return HttpServer::Tls{web.tls_cert, web.tls_key};
}

} // namespace

AgentServer::AgentServer(const Options& options, std::optional<BasicAuth> auth)
    : metrics_(FORKMON_VERSION, options.web.max_label_values),
      endpoint_(metrics_, std::move(auth), FORKMON_VERSION, options.config_file),
      errors_{{counters, 0}, {output, 0}} {}

Result<std::unique_ptr<AgentServer>> AgentServer::start(const Options& options) {
  auto auth = load_auth(options.web.basic_auth_file);
  if (!auth)
    return auth.error();
  auto socket = listen_on(options.listen);
  if (!socket)
    return socket.error();
  std::unique_ptr<AgentServer> agent(new AgentServer(options, std::move(*auth)));
  agent->endpoint_.on_tick(monotonic_now_ns());
  auto server = HttpServer::start(*socket, tls_of(options.web),
                                  [endpoint = &agent->endpoint_](const HttpRequest& request) {
                                    return endpoint->answer(request, monotonic_now_ns());
                                  });
  if (!server)
    return server.error();
  agent->server_ = std::move(*server);
  return agent;
}

void AgentServer::count_errors(const std::string& component, std::uint64_t total) {
  if (total > errors_[component])
    last_error_seconds_ = seconds_since_epoch();
  errors_[component] = total;
}

void AgentServer::update(const KernelTotals& totals, AgentState state, std::uint64_t now_ns) {
  if (!totals.counters_read)
    count_errors(counters, errors_[counters] + 1);
  state.errors = errors_;
  state.last_error_seconds = last_error_seconds_;
  metrics_.update(totals, state, now_ns);
  endpoint_.update(totals);
  server_->end_old_connections(now_ns);
}

} // namespace forkmon
