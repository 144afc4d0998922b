// SPDX-License-Identifier: MIT
#include "app/allow_list.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::Pair;

Subject subject() {
  Subject subject;
  subject.parent.exe = "/usr/bin/nginx";
  subject.child.pid = 7;
  return subject;
}

UnsafeCallFinding call(const std::string& function) {
  UnsafeCallFinding finding;
  finding.subject = subject();
  finding.function = function;
  return finding;
}

DeadlockFinding deadlock(bool proof) {
  DeadlockFinding finding;
  finding.subject = subject();
  finding.proof = proof;
  finding.severity = proof ? Severity::critical : Severity::high;
  return finding;
}

DeadlockOverFinding over(bool proof) {
  DeadlockOverFinding finding;
  finding.subject = subject();
  finding.proof = proof;
  return finding;
}

ChildFinding child(Severity severity, bool deadlocked) {
  ChildFinding finding;
  finding.subject = subject();
  finding.severity = severity;
  finding.calls = {{"setenv", "environment", "libc", Severity::high, 1},
                   {"malloc", "allocator", "libc", Severity::warning, 2}};
  finding.deadlocked = deadlocked;
  finding.advice = "Do not.";
  return finding;
}

bool is_allowed(std::vector<AllowRule> rules, const Finding& finding) {
  return !AllowList(std::move(rules)).rest_of(finding);
}

TEST(AllowList, AllowsCallsByExecutableAndFunction) {
  EXPECT_TRUE(is_allowed({{"/usr/bin/nginx", ""}}, call("malloc")));
  EXPECT_TRUE(is_allowed({{"ngin*", ""}}, call("malloc")));
  EXPECT_TRUE(is_allowed({{"", "mall*"}}, call("malloc")));
  EXPECT_TRUE(is_allowed({{"x", ""}, {"nginx", "malloc"}}, call("malloc")));
  EXPECT_FALSE(is_allowed({{"nginx", "free"}}, call("malloc")));
  EXPECT_FALSE(is_allowed({{"apache", ""}}, call("malloc")));
  EXPECT_FALSE(is_allowed({}, call("malloc")));
}

TEST(AllowList, AllowsSuspicionsOfAnExecutableButNoProof) {
  EXPECT_TRUE(is_allowed({{"nginx", ""}}, deadlock(false)));
  EXPECT_FALSE(is_allowed({{"nginx", "malloc"}}, deadlock(false)));
  EXPECT_FALSE(is_allowed({{"", "*"}}, deadlock(false)));
  EXPECT_FALSE(is_allowed({{"nginx", ""}}, deadlock(true)));
}

TEST(AllowList, AnAllowedSuspicionEndsUntold) {
  AllowList list(std::vector<AllowRule>{{"nginx", ""}});
  EXPECT_FALSE(list.rest_of(deadlock(false)));
  list.replace({}); // a gauge that was not raised may not be lowered
  EXPECT_FALSE(list.is_idle());
  EXPECT_FALSE(list.rest_of(over(false)));
  EXPECT_TRUE(list.rest_of(over(true)));
  const auto end = list.rest_of(child(Severity::high, true));
  ASSERT_TRUE(end);
  EXPECT_FALSE(std::get<ChildFinding>(*end).deadlocked);
  EXPECT_TRUE(list.is_idle());
  EXPECT_TRUE(list.rest_of(over(false))) << "of another child with that pid";
}

TEST(AllowList, TakesCallsOutOfAChildsEnd) {
  AllowList list(std::vector<AllowRule>{{"nginx", "setenv"}});
  const auto rest = std::get<ChildFinding>(*list.rest_of(child(Severity::high, false)));
  ASSERT_EQ(rest.calls.size(), 1u);
  EXPECT_EQ(rest.calls[0].function, "malloc");
  EXPECT_EQ(rest.severity, Severity::warning);
  const auto stuck = std::get<ChildFinding>(*list.rest_of(child(Severity::critical, true)));
  EXPECT_EQ(stuck.severity, Severity::critical) << "a proof stays";
  EXPECT_TRUE(stuck.deadlocked);
  AllowList all(std::vector<AllowRule>{{"nginx", ""}});
  const auto harmless = std::get<ChildFinding>(*all.rest_of(child(Severity::high, false)));
  EXPECT_TRUE(harmless.calls.empty());
  EXPECT_EQ(harmless.severity, Severity::info);
  EXPECT_EQ(harmless.advice, "");
}

TEST(AllowList, CountsWhatItTakesOut) {
  AllowList list(std::vector<AllowRule>{{"nginx", ""}});
  (void)list.rest_of(call("malloc"));
  (void)list.rest_of(call("free"));
  (void)list.rest_of(deadlock(false));
  (void)list.rest_of(TaintedForkFinding{0, Severity::info, subject()});
  (void)list.rest_of(LostFinding{});
  EXPECT_THAT(list.allowed(), ElementsAre(Pair("deadlock", 1), Pair("unsafe_call", 2)));
}

} // namespace
} // namespace forkmon
