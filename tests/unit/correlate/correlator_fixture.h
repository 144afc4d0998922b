// SPDX-License-Identifier: MIT
/// A correlator that knows three functions, and ways to run scripts through it.
#pragma once

#include "correlate/correlator.h"
#include "correlate/events.h"

#include <gmock/gmock.h>

namespace forkmon::script {

class CorrelatorTest : public testing::Test {
protected:
  CorrelatorTest() {
    malloc_ = add("malloc", Category::allocator, Severity::warning, true, "Allocate before fork.");
    setenv_ = add("setenv", Category::environment, Severity::high, false, "Build envp.");
    exit_ = add("exit", Category::process_exit, Severity::high, false, "Use _exit.");
  }

  FunctionId add(const char* name, Category category, Severity severity, bool is_protected,
                 const char* hint) {
    return *functions_.add({name, category, Tier::cold, "libc.so.6", is_protected, severity, hint});
  }

  /// Runs a script, and returns what the last event yields.
  std::vector<Finding> run(const std::vector<Event>& events) {
    std::vector<Finding> findings;
    for (const Event& event : events)
      findings = correlator_.on(event);
    return findings;
  }

  std::vector<Finding> run_all(const std::vector<Event>& events) {
    std::vector<Finding> findings;
    for (const Event& event : events) {
      for (Finding& finding : correlator_.on(event))
        findings.push_back(std::move(finding));
    }
    return findings;
  }

  /// The one ChildFinding that a script ends with.
  ChildFinding ending(const std::vector<Event>& events) {
    const auto children = only<ChildFinding>(run(events));
    EXPECT_THAT(children, testing::SizeIs(1));
    return children.empty() ? ChildFinding{} : children.front();
  }

  FunctionTable functions_;
  FunctionId malloc_ = 0;
  FunctionId setenv_ = 0;
  FunctionId exit_ = 0;
  Correlator correlator_{functions_};
};

/// The subject of child(20, …) after forked().
inline void expect_subject(const Subject& subject) {
  EXPECT_EQ(subject.parent.pid, 10u);
  EXPECT_EQ(subject.parent.comm, "server");
  EXPECT_EQ(subject.parent.exe, "/usr/bin/server");
  EXPECT_EQ(subject.parent.threads, 4u);
  EXPECT_EQ(subject.child.pid, 20u);
  EXPECT_EQ(subject.child.comm, "worker");
  EXPECT_EQ(subject.uid, 1000u);
  EXPECT_EQ(subject.cgroup, "/system.slice/server.service");
  EXPECT_EQ(subject.container, (Container{"docker", "abc123"}));
}

MATCHER_P2(Called, function, count, "") {
  return arg.function == function && arg.count == count;
}

} // namespace forkmon::script
