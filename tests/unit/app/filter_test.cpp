// SPDX-License-Identifier: MIT
#include "app/filter.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

UnsafeCallFinding call() {
  UnsafeCallFinding finding;
  finding.subject.parent.comm = "gunicorn";
  finding.subject.parent.exe = "/usr/bin/python3.11";
  finding.subject.child.comm = "worker";
  finding.subject.cgroup = "/system.slice/web.service";
  finding.subject.uid = 33;
  return finding;
}

bool concerns(const FilterOptions& options) {
  return Filter(options, false).concerns(call());
}

TEST(Filter, WithoutPatternsLetsEverythingThrough) {
  EXPECT_TRUE(concerns({}));
}

TEST(Filter, MatchesTheNameOfParentOrChild) {
  EXPECT_TRUE(concerns({.comms = {"guni*"}, .exes = {}, .cgroups = {}, .uids = {}}));
  EXPECT_TRUE(concerns({.comms = {"x", "worker"}, .exes = {}, .cgroups = {}, .uids = {}}));
  EXPECT_FALSE(concerns({.comms = {"guni"}, .exes = {}, .cgroups = {}, .uids = {}}));
}

TEST(Filter, MatchesThePathOrTheFileName) {
  EXPECT_TRUE(concerns({.comms = {}, .exes = {"/usr/bin/python*"}, .cgroups = {}, .uids = {}}));
  EXPECT_TRUE(concerns({.comms = {}, .exes = {"python3.11"}, .cgroups = {}, .uids = {}}));
  EXPECT_FALSE(concerns({.comms = {}, .exes = {"bin"}, .cgroups = {}, .uids = {}}));
}

TEST(Filter, WantsAMatchInEachListThatIsNotEmpty) {
  EXPECT_TRUE(
      concerns({.comms = {"worker"}, .exes = {}, .cgroups = {"*/web.service"}, .uids = {}}));
  EXPECT_FALSE(concerns({.comms = {"worker"}, .exes = {}, .cgroups = {"/other"}, .uids = {}}));
  EXPECT_TRUE(concerns({.comms = {}, .exes = {}, .cgroups = {}, .uids = {1, 33}}));
  EXPECT_FALSE(concerns({.comms = {"worker"}, .exes = {}, .cgroups = {}, .uids = {1}}));
}

TEST(Filter, LossesConcernEverybody) {
  Filter filter({.comms = {"nobody"}, .exes = {}, .cgroups = {}, .uids = {}}, false);
  EXPECT_TRUE(filter.concerns(LostFinding{}));
}

TEST(Filter, PrintsAHarmlessChildOnlyOnRequest) {
  ChildFinding harmless;
  EXPECT_FALSE(Filter({}, false).prints(harmless));
  EXPECT_TRUE(Filter({}, true).prints(harmless));
  ChildFinding caller;
  caller.calls.push_back({});
  EXPECT_TRUE(Filter({}, false).prints(caller));
}

TEST(Filter, PrintsWhatBecameOfADeadlockedChild) {
  ChildFinding child;
  child.deadlocked = true;
  EXPECT_TRUE(Filter({}, false).prints(child));
  DeadlockOverFinding over;
  EXPECT_FALSE(Filter({}, true).prints(over));
  over.child_lives = true;
  EXPECT_TRUE(Filter({}, false).prints(over));
}

TEST(Filter, NeverPrintsAMereCount) {
  EXPECT_FALSE(Filter({}, true).prints(TaintedForkFinding{}));
  EXPECT_TRUE(Filter({}, false).prints(call()));
}

} // namespace
} // namespace forkmon
