// SPDX-License-Identifier: MIT
#include "app/agent_endpoint.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

constexpr std::uint64_t second = 1'000'000'000;

class AgentEndpointTest : public testing::Test {
protected:
  Metrics metrics_{"1.2.3"};
};

KernelTotals totals(bool probes) {
  KernelTotals totals;
  totals.sensor_active = {{"lifecycle", true}, {"probes", probes}};
  totals.required_sensors = {"lifecycle", "probes"};
  return totals;
}

TEST_F(AgentEndpointTest, ServesMetricsAndAPage) {
  AgentEndpoint agent(metrics_, std::nullopt, "1.2.3", "/etc/forkmon/forkmon.toml");
  const HttpResponse metrics = agent.answer({"/metrics", {}}, second);
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("forkmon_build_info{version=\"1.2.3\"} 1\n"));
  agent.update(totals(true));
  const HttpResponse page = agent.answer({"/", {}}, second);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("<h1>forkmon 1.2.3</h1>"));
  EXPECT_THAT(page.body, HasSubstr("/etc/forkmon/forkmon.toml"));
  EXPECT_THAT(page.body, HasSubstr("<td>probes</td>"));
  EXPECT_THAT(page.headers, Contains(Pair("Content-Security-Policy", HasSubstr("default-src"))));
}

TEST_F(AgentEndpointTest, KnowsNothingElse) {
  AgentEndpoint agent(metrics_, std::nullopt, "1", "");
  for (const char* path : {"/etc/passwd", "/metrics/", "/../metrics", "", "/Metrics", "//"}) {
    const HttpResponse answer = agent.answer({path, {}}, second);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr("passwd")));
  }
}

TEST_F(AgentEndpointTest, IsHealthyWhileTheLoopComesRound) {
  AgentEndpoint agent(metrics_, std::nullopt, "1", "");
  agent.on_tick(100 * second);
  EXPECT_EQ(agent.answer({"/healthz", {}}, 99 * second).status, 200);
  EXPECT_EQ(agent.answer({"/healthz", {}}, 110 * second).status, 200);
  const HttpResponse stuck = agent.answer({"/healthz", {}}, 111 * second);
  EXPECT_EQ(stuck.status, 503);
  EXPECT_EQ(stuck.body, "the agent's loop has not come round for 11 s\n");
}

TEST_F(AgentEndpointTest, IsReadyWithAllRequiredSensors) {
  AgentEndpoint agent(metrics_, std::nullopt, "1", "");
  agent.update(totals(true));
  EXPECT_EQ(agent.answer({"/readyz", {}}, second).status, 200);
  agent.update(totals(false));
  const HttpResponse answer = agent.answer({"/readyz", {}}, second);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "not at work: probes; forkmon --check says why\n");
}

TEST_F(AgentEndpointTest, AsksForAPasswordButNotOfProbes) {
  auto auth =
      BasicAuth::parse("prom:$2y$04$epJSxum1wGZHGY8I9JrUvOCZoNUVRcT2ckD9AaGH/N08yA62fO7fu\n");
  ASSERT_TRUE(auth);
  AgentEndpoint agent(metrics_, std::move(*auth), "1", "");
  agent.on_tick(second);
  agent.update(totals(true));
  EXPECT_EQ(agent.answer({"/healthz", {}}, second).status, 200);
  EXPECT_EQ(agent.answer({"/readyz", {}}, second).status, 200);
  for (const char* path : {"/metrics", "/", "/nothing"}) {
    const HttpResponse refused = agent.answer({path, {}}, second);
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_THAT(refused.headers, Contains(Key("WWW-Authenticate")));
    EXPECT_THAT(refused.body, Not(HasSubstr("forkmon_")));
  }
  EXPECT_EQ(agent.answer({"/metrics", Credentials{"prom", "wrong"}}, 1000 * second).status, 401);
  const HttpResponse later =
      agent.answer({"/metrics", Credentials{"prom", "secret"}}, 1000 * second);
  EXPECT_EQ(later.status, 429);
  EXPECT_THAT(later.headers, Contains(Pair("Retry-After", "1")));
  EXPECT_EQ(agent.answer({"/metrics", Credentials{"prom", "secret"}}, 2000 * second).status, 200);
  EXPECT_EQ(agent.answer({"/nothing", Credentials{"prom", "secret"}}, 2000 * second).status, 404);
}

} // namespace
} // namespace forkmon
