// SPDX-License-Identifier: MIT
#include "app/agent_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace forkmon {
namespace {

constexpr std::uint64_t max_silence_ns = 10'000'000'000;
constexpr std::size_t shown_offenders = 10;
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse text(int status, std::string body) {
  return {.status = status, .body = std::move(body), .headers = {{"Cache-Control", "no-store"}}};
}

} // namespace

AgentEndpoint::AgentEndpoint(const Metrics& metrics, std::optional<BasicAuth> auth,
                             std::string version, std::string config_file)
    : metrics_(metrics), auth_(std::move(auth)) {
  status_.version = std::move(version);
  status_.config_file = std::move(config_file);
}

void AgentEndpoint::update(const KernelTotals& totals) {
  const std::lock_guard lock(mutex_);
  status_.sensor_active = totals.sensor_active;
  status_.missing_sensors = totals.missing_sensors();
  status_.unresolved_hits = totals.unresolved_hits;
}

AgentStatus AgentEndpoint::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

HttpResponse AgentEndpoint::answer(const HttpRequest& request, std::uint64_t now_ns) {
  if (request.path == "/healthz")
    return health(now_ns);
  if (request.path == "/readyz")
    return readiness();
  if (auto refused = refusal(request, now_ns))
    return *refused;
  if (request.path == "/metrics")
    return {.body = metrics_.text(), .content_type = metrics_type};
  if (request.path == "/")
    return page();
  return text(404, "not found; there are /metrics, /healthz, /readyz and /\n");
}

HttpResponse AgentEndpoint::health(std::uint64_t now_ns) const {
  const std::uint64_t last_ns = last_tick_ns_;
  const std::uint64_t silent_ns = now_ns - std::min(now_ns, last_ns);
  if (silent_ns <= max_silence_ns)
    return text(200, "ok\n");
  return text(503, fmt::format("the agent's loop has not come round for {} s\n",
                               silent_ns / 1'000'000'000));
}

HttpResponse AgentEndpoint::readiness() const {
  std::string missing;
  for (const std::string& sensor : status().missing_sensors)
    missing += (missing.empty() ? "" : ", ") + sensor;
  if (missing.empty())
    return text(200, "ready\n");
  return text(503, fmt::format("not at work: {}; forkmon --check says why\n", missing));
}

/// The page needs nothing but its own style: a browser is told to load and run nothing else.
HttpResponse AgentEndpoint::page() const {
  AgentStatus status = this->status();
  status.offenders = metrics_.offenders(shown_offenders);
  return {.body = status_page(status),
          .content_type = "text/html; charset=utf-8",
          .headers = {{"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
                       "base-uri 'none'; form-action 'none'"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-store"}}};
}

std::optional<HttpResponse> AgentEndpoint::refusal(const HttpRequest& request,
                                                   std::uint64_t now_ns) {
  if (!auth_)
    return std::nullopt;
  const auto verdict =
      request.credentials ? auth_->check(*request.credentials, now_ns) : BasicAuth::Verdict::denied;
  if (verdict == BasicAuth::Verdict::granted)
    return std::nullopt;
  HttpResponse refused = verdict == BasicAuth::Verdict::later
                             ? text(429, "too many passwords were tried; come again\n")
                             : text(401, "a user and a password are asked for\n");
  refused.headers.emplace_back(
      verdict == BasicAuth::Verdict::later
          ? std::pair{"Retry-After", "1"}
          : std::pair{"WWW-Authenticate", "Basic realm=\"forkmon\", charset=\"UTF-8\""});
  return refused;
}

} // namespace forkmon
