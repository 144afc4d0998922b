// SPDX-License-Identifier: MIT
#include "sinks/metrics.h"

#include "sinks/samples.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <string>
#include <vector>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The samples of one metric, without comments.
std::vector<std::string> lines_of(const Metrics& metrics, const std::string& name) {
  std::vector<std::string> lines;
  std::istringstream text(metrics.text());
  for (std::string line; std::getline(text, line);)
    if (line.starts_with(name) && line.find_first_of("{ ") == name.size())
      lines.push_back(line.substr(name.size()));
  return lines;
}

TaintedForkFinding fork_of(const std::string& exe) {
  TaintedForkFinding fork{.subject = samples::subject()};
  fork.subject.parent.exe = exe;
  return fork;
}

TEST(Metrics, CountTheLifeOfATaintedChild) {
  Metrics metrics("1.2.3");
  metrics.on(fork_of("/usr/bin/python3"));
  metrics.on(fork_of("/usr/bin/python3"));
  metrics.on(samples::child(Outcome::exec));
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_children_total"),
              ElementsAre("{exe=\"/usr/bin/python3\",outcome=\"exec\"} 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_parent_threads_sum"), ElementsAre(" 10"));
  EXPECT_THAT(metrics.text(), HasSubstr("forkmon_parent_threads_bucket{le=\"4\"} 0\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("forkmon_parent_threads_bucket{le=\"8\"} 2\n"));
  EXPECT_THAT(lines_of(metrics, "forkmon_fork_to_exec_seconds_sum"), ElementsAre(" 1.25"));
  EXPECT_THAT(lines_of(metrics, "forkmon_build_info"), ElementsAre("{version=\"1.2.3\"} 1"));
}

TEST(Metrics, ObserveTheTimeToExecOfNoOtherOutcome) {
  Metrics metrics("1");
  metrics.on(samples::child(Outcome::exit));
  EXPECT_THAT(lines_of(metrics, "forkmon_fork_to_exec_seconds_count"), ElementsAre(" 0"));
}

TEST(Metrics, KeepAChildThatIsStillAliveInTheGauge) {
  Metrics metrics("1");
  metrics.on(fork_of("/usr/bin/python3"));
  metrics.on(samples::child(Outcome::alive));
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_children_total"), ElementsAre());
}

TEST(Metrics, NeverGoBelowZeroChildrenWhereAForkWasLost) {
  Metrics metrics("1");
  metrics.on(samples::child(Outcome::exit));
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 0"));
}

TEST(Metrics, CountTheFirstCallAtOnceAndTheOthersAtTheEnd) {
  Metrics metrics("1");
  UnsafeCallFinding malloc = samples::call("malloc", Severity::warning);
  malloc.category = "allocator";
  metrics.on(malloc);
  const std::string labels = "{category=\"allocator\",exe=\"/usr/bin/python3\",function=\"malloc\","
                             "severity=\"warning\"} ";
  EXPECT_THAT(lines_of(metrics, "forkmon_unsafe_calls_total"), ElementsAre(labels + "1"));
  ChildFinding child = samples::child(Outcome::exit);
  child.calls = {samples::count("malloc", 1000)};
  metrics.on(child);
  EXPECT_THAT(lines_of(metrics, "forkmon_unsafe_calls_total"), ElementsAre(labels + "1000"));
}

TEST(Metrics, CountDeadlocksAndHoldTheGaugeWhileTheyLast) {
  Metrics metrics("1");
  metrics.on(samples::deadlock());
  metrics.on(samples::deadlock());
  const std::string exe = "{exe=\"/usr/bin/python3\"} ";
  const std::string by_lock = "{exe=\"/usr/bin/python3\",lock=\"mutex\"} ";
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocks_total"), ElementsAre(by_lock + "2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"), ElementsAre(exe + "2"));
  metrics.on(samples::over(false));
  metrics.on(samples::over(true));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocks_total"), ElementsAre(by_lock + "2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"), ElementsAre(exe + "0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_deadlocks_total"), ElementsAre());
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"), ElementsAre());
}

TEST(Metrics, KeepSuspicionsApartFromProofs) {
  Metrics metrics("1");
  metrics.on(samples::suspicion());
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_deadlocks_total"),
              ElementsAre("{exe=\"/usr/bin/python3\",lock=\"semaphore\"} 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocks_total"), ElementsAre());
  metrics.on(samples::over(true, false));
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"), ElementsAre());
}

TEST(Metrics, FollowTheKernelsTotals) {
  Metrics metrics("1");
  KernelTotals totals;
  totals.forks = 10;
  totals.vforks = 20;
  totals.threads = 30;
  totals.probe_hits = 40;
  metrics.update(totals);
  totals.forks = 11;
  totals.probe_hits = 44;
  totals.unresolved_hits = 1;
  totals.armed_families = 3;
  totals.lost = {{"probes", 5}};
  totals.sensor_active = {{"lifecycle", true}, {"probes", false}};
  totals.calls = {{"malloc", 1000}};
  metrics.update(totals);
  EXPECT_THAT(lines_of(metrics, "forkmon_forks_total"),
              testing::UnorderedElementsAre("{mode=\"fork\"} 11", "{mode=\"vfork\"} 20",
                                            "{mode=\"thread\"} 30"));
  EXPECT_THAT(lines_of(metrics, "forkmon_probe_hits_total"), ElementsAre(" 44"));
  EXPECT_THAT(lines_of(metrics, "forkmon_unresolved_probe_hits_total"), ElementsAre(" 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_armed_families"), ElementsAre(" 3"));
  EXPECT_THAT(lines_of(metrics, "forkmon_events_lost_total"), ElementsAre("{sensor=\"probes\"} 5"));
  EXPECT_THAT(lines_of(metrics, "forkmon_sensor_active"),
              testing::UnorderedElementsAre("{sensor=\"lifecycle\"} 1", "{sensor=\"probes\"} 0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_function_calls_total"),
              ElementsAre("{function=\"malloc\"} 1000"));
}

TEST(Metrics, NeverLowerACounter) {
  Metrics metrics("1");
  KernelTotals totals;
  totals.probe_hits = 40;
  metrics.update(totals);
  totals.probe_hits = 39;
  metrics.update(totals);
  EXPECT_THAT(lines_of(metrics, "forkmon_probe_hits_total"), ElementsAre(" 40"));
}

TEST(Metrics, FoldExecutablesPastTheCap) {
  Metrics metrics("1", 1);
  for (const char* exe : {"/a", "/b", "/c", "/a"})
    metrics.on(fork_of(exe));
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"),
              testing::UnorderedElementsAre("{exe=\"/a\"} 2", "{exe=\"other\"} 2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_label_overflow_total"), ElementsAre(" 2"));
}

TEST(Metrics, EscapeHostileLabels) {
  Metrics metrics("1");
  metrics.on(fork_of(samples::hostile));
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"),
              ElementsAre("{exe=\"a\\\\x0a\\\"\\\\x1b[31m\\\\xff\"} 1"));
}

TEST(Metrics, TellWhatTheProcessUses) {
  Metrics metrics("1");
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_start_time_seconds"})
    EXPECT_THAT(lines_of(metrics, name), ElementsAre(testing::Not(" 0"))) << name;
}

std::string http_get(int port, const std::string& path) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return "cannot connect";
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  std::string answer;
  if (write(fd.get(), request.data(), request.size()) < 0)
    return "cannot write";
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(fd.get(), buffer.data(), buffer.size())) > 0;)
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  return answer;
}

TEST(Metrics, AreServedWhereAskedAndOnlyThere) {
  auto served = Metrics::serve("127.0.0.1:0", "1.2.3");
  ASSERT_TRUE(served) << served.error().message;
  Metrics& metrics = **served;
  ASSERT_GT(metrics.port(), 0);
  metrics.on(fork_of("/usr/bin/python3"));
  const std::string answer = http_get(metrics.port(), "/metrics");
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\nforkmon_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(answer, HasSubstr("\nforkmon_tainted_forks_total{exe=\"/usr/bin/python3\"} 1\n"));
  EXPECT_THAT(http_get(metrics.port(), "/etc/passwd"), testing::HasSubstr(" 404 Not Found\r\n"));

  const std::string address = "127.0.0.1:" + std::to_string(metrics.port());
  const auto second = Metrics::serve(address, "1.2.3");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_EQ(second.error().message, "cannot serve metrics on " + address +
                                        ": Address already in use; choose another with "
                                        "--listen ADDR:PORT");
}

} // namespace
} // namespace forkmon
