// SPDX-License-Identifier: MIT
#include "sinks/metrics.h"

#include "sinks/full_host.h"
#include "sinks/metric_table.h"
#include "sinks/samples.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using samples::fill;
using samples::live;
constexpr std::uint64_t second = samples::second_ns;
constexpr std::uint64_t hour = 3600 * second;

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
              ElementsAre("{exe=\"/usr/bin/python3\",container_id=\"\"} 2"));
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
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"), ElementsAre());
}

TEST(Metrics, CountTheFirstCallAtOnceAndTheOthersAtTheEnd) {
  Metrics metrics("1");
  UnsafeCallFinding malloc = samples::call("malloc", Severity::warning);
  malloc.category = "allocator";
  metrics.on(malloc);
  const std::string labels = "{exe=\"/usr/bin/python3\",function=\"malloc\",category=\"allocator\","
                             "severity=\"warning\",container_id=\"\"} ";
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
  const std::string exe = "{exe=\"/usr/bin/python3\",container_id=\"\"} ";
  const std::string by_lock = "{exe=\"/usr/bin/python3\",lock=\"mutex\",container_id=\"\"} ";
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocks_total"), ElementsAre(by_lock + "2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"), ElementsAre(exe + "2"));
  metrics.on(samples::over(false));
  metrics.on(samples::over(true));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocks_total"), ElementsAre(by_lock + "2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"), ElementsAre(exe + "0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_deadlocks_total"), ElementsAre());
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"), ElementsAre());
}

TEST(Metrics, MoveASuspicionThatIsProven) {
  Metrics metrics("1");
  metrics.on(samples::suspicion());
  DeadlockFinding proven = samples::deadlock();
  proven.suspected_before = Severity::high;
  metrics.on(proven);
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"),
              ElementsAre("{exe=\"/usr/bin/python3\"} 0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_deadlocked_children"),
              ElementsAre("{exe=\"/usr/bin/python3\",container_id=\"\"} 1"));
}

TEST(Metrics, DoNotCountSuspicionsThatHealthyProgramsRaise) {
  Metrics metrics("1");
  DeadlockFinding idle = samples::suspicion();
  idle.severity = Severity::info;
  metrics.on(idle);
  DeadlockOverFinding over = samples::over(true, false);
  over.reported_severity = Severity::info;
  metrics.on(over);
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_children"), ElementsAre());
  EXPECT_THAT(lines_of(metrics, "forkmon_suspected_deadlocks_total"), ElementsAre());
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
  metrics.update(totals, {}, second);
  totals.forks = 11;
  totals.probe_hits = 44;
  totals.unresolved_hits = 1;
  totals.armed_families = 3;
  totals.lost = {{{"probes", "ring_full"}, 5}};
  totals.sensor_active = {{"lifecycle", true}, {"probes", false}};
  totals.calls = {{"malloc", 1000}};
  metrics.update(totals, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_forks_total"),
              testing::UnorderedElementsAre("{mode=\"fork\"} 11", "{mode=\"vfork\"} 20",
                                            "{mode=\"thread\"} 30"));
  EXPECT_THAT(lines_of(metrics, "forkmon_probe_hits_total"), ElementsAre(" 44"));
  EXPECT_THAT(lines_of(metrics, "forkmon_unresolved_probe_hits_total"), ElementsAre(" 1"));
  EXPECT_THAT(lines_of(metrics, "forkmon_armed_families"), ElementsAre(" 3"));
  EXPECT_THAT(lines_of(metrics, "forkmon_events_lost_total"),
              ElementsAre("{reason=\"ring_full\",sensor=\"probes\"} 5"));
  EXPECT_THAT(lines_of(metrics, "forkmon_sensor_active"),
              testing::UnorderedElementsAre("{sensor=\"lifecycle\"} 1", "{sensor=\"probes\"} 0"));
  EXPECT_THAT(lines_of(metrics, "forkmon_function_calls_total"),
              ElementsAre("{function=\"malloc\"} 1000"));
}

TEST(Metrics, ClaimNoZeroWhereTheKernelsCountersCannotBeRead) {
  Metrics metrics("1");
  KernelTotals totals;
  totals.counters_read = false;
  metrics.update(totals, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_forks_total"), ElementsAre());
  EXPECT_THAT(lines_of(metrics, "forkmon_probe_hits_total"), ElementsAre());
}

TEST(Metrics, NeverLowerACounter) {
  Metrics metrics("1");
  KernelTotals totals;
  totals.probe_hits = 40;
  metrics.update(totals, {}, second);
  totals.probe_hits = 39;
  metrics.update(totals, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_probe_hits_total"), ElementsAre(" 40"));
}

TEST(Metrics, TellWhatTheProcessUses) {
  Metrics metrics("1");
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_start_time_seconds"})
    EXPECT_THAT(lines_of(metrics, name), ElementsAre(testing::Not(" 0"))) << name;
}

// Samples, comments left out.
std::size_t count_series(const Metrics& metrics) {
  std::istringstream text(metrics.text());
  std::size_t series = 0;
  for (std::string line; std::getline(text, line);)
    series += line.starts_with('#') ? 0 : 1;
  return series;
}

TEST(Metrics, KeepAHostBelow500Series) {
  Metrics metrics("1.2.3");
  fill(metrics);
  EXPECT_LE(count_series(metrics), 500u);
  EXPECT_GT(count_series(metrics), 350u) << "this is no full host";
}

TEST(Metrics, KeepToTheBoundThatIsAskedFor) {
  Metrics metrics("1.2.3", 1);
  fill(metrics);
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"), testing::SizeIs(2));
  EXPECT_THAT(lines_of(metrics, "forkmon_unsafe_calls_total"), testing::SizeIs(5 + 2));
}

TEST(Metrics, AreThoseOfTheTable) {
  Metrics metrics("1.2.3");
  fill(metrics);
  std::map<std::string, std::string> types;
  std::map<std::string, std::set<std::string>> labels;
  std::istringstream text(metrics.text());
  const std::regex label("([a-z_]+)=\"");
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, type;
    if (line.starts_with("# TYPE ") && words >> hash >> keyword >> name >> type)
      types[name] = type;
    if (line.starts_with('#'))
      continue;
    name = line.substr(0, line.find_first_of("{ "));
    for (std::sregex_iterator it(line.begin(), line.end(), label), end; it != end; ++it)
      labels[name].insert((*it)[1]);
  }
  std::map<std::string, std::string> wanted;
  for (const MetricInfo* info : all_metrics()) {
    wanted[info->name] = info->type == prometheus::MetricType::Counter ? "counter"
                         : info->type == prometheus::MetricType::Gauge ? "gauge"
                                                                       : "histogram";
    std::set<std::string> names;
    for (const MetricLabel& l : info->labels)
      names.insert(l.name);
    EXPECT_EQ(labels[info->name], names) << info->name;
  }
  EXPECT_EQ(types, wanted);
}

TEST(Metrics, ExportNothingThatNobodyFilledIn) {
  Metrics metrics("1.2.3");
  metrics.update({}, {}, second);
  for (const char* name : {"forkmon_ready", "forkmon_armed_threads", "forkmon_probe_descriptors",
                           "forkmon_probe_disarms_total", "forkmon_bpf_runs_total",
                           "forkmon_config_info", "forkmon_config_last_reload_successful",
                           "forkmon_errors_total", "forkmon_last_error_timestamp_seconds",
                           "forkmon_findings_suppressed_total", "forkmon_libraries_scanned_total"})
    EXPECT_THAT(metrics.text(), testing::Not(HasSubstr(name)));
}

TEST(Metrics, FoldTheLeastRecentlyUsedExecutableAndCountIt) {
  Metrics metrics("1", 1);
  for (const char* exe : {"/a", "/b", "/c", "/c"})
    metrics.on(fork_of(exe));
  metrics.update({}, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"),
              testing::UnorderedElementsAre("{exe=\"/c\",container_id=\"\"} 2",
                                            "{exe=\"other\",container_id=\"other\"} 2"));
  EXPECT_THAT(lines_of(metrics, "forkmon_label_overflow_total"),
              testing::IsSupersetOf({"{metric=\"forkmon_tainted_forks_total\"} 2",
                                     "{metric=\"forkmon_live_tainted_children\"} 2",
                                     "{metric=\"forkmon_children_total\"} 0"}));
}

TEST(Metrics, NameTheContainer) {
  Metrics metrics("1");
  TaintedForkFinding fork = fork_of("/app");
  fork.subject.container = Container{"containerd", std::string(64, 'a')};
  metrics.on(fork);
  EXPECT_THAT(
      lines_of(metrics, "forkmon_tainted_forks_total"),
      ElementsAre("{exe=\"/app\",container_id=\"containerd://" + std::string(64, 'a') + "\"} 1"));
}

TEST(Metrics, LetSeriesGoThatHaveNotBeenUsedForAnHour) {
  Metrics metrics("1");
  live(metrics, "/gone", "", {"malloc"}, second);
  DeadlockOverFinding over = samples::over(false);
  over.subject.parent.exe = "/gone";
  over.time_ns = second;
  for (bool proof : {true, true, true, false, false, false}) {
    over.proof = proof;
    metrics.on(over);
  }
  ChildFinding last = samples::child(Outcome::exit);
  last.subject.parent.exe = "/gone";
  last.time_ns = second;
  metrics.on(last);
  metrics.update({}, {}, second + hour);
  EXPECT_THAT(metrics.text(), HasSubstr("/gone"));
  metrics.update({}, {}, second + hour + 1);
  EXPECT_THAT(metrics.text(), testing::Not(HasSubstr("/gone")));
  EXPECT_THAT(metrics.text(), testing::Not(HasSubstr("exe=\"other\"")));
}

TEST(Metrics, LowerTheGaugeOnlyForChildrenThatRaisedIt) {
  Metrics metrics("1");
  TaintedForkFinding no_room = fork_of("/app");
  no_room.lives = false;
  metrics.on(fork_of("/app"));
  metrics.on(no_room);
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"), ElementsAre("{exe=\"/app\"} 1"));
  ChildFinding child = samples::child(Outcome::exit);
  child.subject.parent.exe = "";
  child.was_counted = false;
  metrics.on(child);
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"), ElementsAre("{exe=\"/app\"} 1"));
}

TEST(Metrics, KeepTheSeriesOfExecutablesWithLivingChildren) {
  Metrics metrics("1");
  TaintedForkFinding fork = fork_of("/lives");
  fork.time_ns = second;
  metrics.on(fork);
  metrics.update({}, {}, 100 * hour);
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"), testing::SizeIs(1));
  EXPECT_THAT(lines_of(metrics, "forkmon_live_tainted_children"), testing::SizeIs(1));
}

TEST(Metrics, SayWhetherAllRequiredSensorsAreAtWork) {
  Metrics metrics("1");
  KernelTotals totals;
  totals.required_sensors = {"lifecycle", "probes"};
  totals.sensor_active = {{"lifecycle", true}, {"probes", true}};
  metrics.update(totals, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_ready"), ElementsAre(" 1"));
  totals.sensor_active["probes"] = false;
  metrics.update(totals, {}, second);
  EXPECT_THAT(lines_of(metrics, "forkmon_ready"), ElementsAre(" 0"));
}

TEST(Metrics, PutTheWorstOffenderFirst) {
  Metrics metrics("1");
  UnsafeCallFinding high = samples::call("exit", Severity::high);
  UnsafeCallFinding warning = samples::call("malloc", Severity::warning);
  high.subject.parent.exe = "/high";
  warning.subject.parent.exe = "/warning";
  DeadlockFinding deadlock = samples::deadlock();
  deadlock.subject.parent.exe = "/stuck";
  metrics.on(warning);
  metrics.on(warning);
  metrics.on(high);
  metrics.on(deadlock);
  const auto worst = metrics.offenders(2);
  ASSERT_EQ(worst.size(), 2u);
  EXPECT_EQ(worst[0].exe, "/stuck");
  EXPECT_EQ(worst[0].deadlocked_children, 1u);
  EXPECT_EQ(worst[1].exe, "/high");
  EXPECT_EQ(worst[1].high_calls, 1u);
  EXPECT_EQ(metrics.offenders(10).back().warning_calls, 2u);
}

struct Escape {
  std::string exe;
  std::string label; ///< in the text format
};

class HostileName : public testing::TestWithParam<Escape> {};

TEST_P(HostileName, CannotLeaveItsLabel) {
  Metrics metrics("1");
  metrics.on(fork_of(GetParam().exe));
  EXPECT_THAT(lines_of(metrics, "forkmon_tainted_forks_total"),
              ElementsAre("{exe=\"" + GetParam().label + "\",container_id=\"\"} 1"));
}

INSTANTIATE_TEST_SUITE_P(Metrics, HostileName,
                         testing::Values(Escape{samples::hostile, "a\\\\x0a\\\"\\\\x1b[31m\\\\xff"},
                                         Escape{"/a\"} 1\nforkmon_ready 0\n#",
                                                "/a\\\"} 1\\\\x0aforkmon_ready 0\\\\x0a#"},
                                         Escape{"/{{ .Labels.exe }}{{ end }}",
                                                "/{{ .Labels.exe }}{{ end }}"},
                                         Escape{"/\xf0\x9f\x98", "/\\\\xf0\\\\x9f\\\\x98"},
                                         Escape{"/\xe2\x80\xae"
                                                "exe",
                                                "/\\\\u{202e}exe"},
                                         Escape{"\\", "\\\\"}, Escape{"", ""},
                                         Escape{std::string("a\0b", 3), "a\\\\x00b"}));
} // namespace
} // namespace forkmon
