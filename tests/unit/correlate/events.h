// SPDX-License-Identifier: MIT
/// Short ways to write event scripts.
#pragma once

#include "catalogue/function_table.h"
#include "forkmon/event.h"
#include "forkmon/finding.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace forkmon::script {

constexpr std::uint64_t ms = 1'000'000;

inline ChildRef child(std::uint32_t pid, std::uint64_t fork_ns, std::uint32_t parent = 10) {
  ChildRef ref;
  ref.key = {pid, fork_ns};
  ref.parent_pid = parent;
  ref.parent_threads = 4;
  ref.armed = true;
  return ref;
}

inline ChildRef unarmed(ChildRef ref) {
  ref.armed = false;
  return ref;
}

/// A child of a tainted process.
inline ChildRef grandchild(std::uint32_t pid, std::uint64_t fork_ns, std::uint32_t parent) {
  ChildRef ref = child(pid, fork_ns, parent);
  ref.parent_tainted = true;
  return ref;
}

inline ForkEvent forked(const ChildRef& ref) {
  ForkEvent event;
  event.time_ns = ref.key.fork_time_ns;
  event.child = ref;
  event.exe = "/usr/bin/server";
  event.cgroup = "/system.slice/server.service";
  event.container = Container{"docker", "abc123"};
  event.uid = 1000;
  event.parent_comm = "server";
  event.child_comm = "worker";
  return event;
}

inline CallEvent called(const ChildRef& ref, FunctionId function, std::uint64_t time_ns) {
  CallEvent event;
  event.time_ns = time_ns;
  event.child = ref;
  event.function = function;
  event.tid = ref.key.pid;
  event.comm = "worker";
  return event;
}

/// A call that a page fault showed.
inline CallEvent faulted(const ChildRef& ref, FunctionId function, std::uint64_t time_ns) {
  CallEvent event = called(ref, function, time_ns);
  event.evidence = Evidence::page_fault;
  return event;
}

inline CallsEvent counted(const ChildRef& ref, std::uint64_t time_ns,
                          std::vector<std::pair<FunctionId, std::uint32_t>> counts) {
  return {time_ns, ref, std::move(counts)};
}

inline EndEvent execed(const ChildRef& ref, std::uint64_t time_ns, std::uint64_t calls = 0) {
  return {time_ns, ref, EndEvent::How::exec, 0, calls, 0, "program"};
}

/// `status` as wait(2) reports it: exit status << 8 | signal.
inline EndEvent exited(const ChildRef& ref, std::uint64_t time_ns, std::uint64_t calls = 0,
                       int status = 0) {
  return {time_ns, ref, EndEvent::How::exit, status, calls, 0, "worker"};
}

/// All findings of one kind, in order.
template <typename Kind>
std::vector<Kind> only(const std::vector<Finding>& findings) {
  std::vector<Kind> result;
  for (const Finding& finding : findings) {
    if (const auto* kind = std::get_if<Kind>(&finding))
      result.push_back(*kind);
  }
  return result;
}

} // namespace forkmon::script
