// SPDX-License-Identifier: MIT
/// Finds the libraries that armed processes map after they were armed: at exec, and when their
/// dynamic loader says so.
#pragma once

#include "app/known_libraries.h"
#include "forkmon/event.h"
#include "sensors/bpf_programs.h"
#include "sensors/probes.h"

#include <map>
#include <set>
#include <vector>

namespace forkmon {

class Discovery {
public:
  Discovery(BpfPrograms& programs, ProbeSensor& probes, KnownLibraries& libraries)
      : programs_(programs), probes_(probes), libraries_(libraries) {}

  /// Looks at the processes that the kernel side has told of. Must be called before an event is
  /// believed: what it returns may take back that a child is exact.
  std::vector<LateProbesEvent> catch_up();

  /// catch_up(), and a second look at programs that were started a moment ago: their loader may
  /// have been unknown, and at work before it was probed.
  std::vector<LateProbesEvent> tick();

  /// A process was armed with all that it had mapped at `looked_ns`; it is looked at once more.
  void note_armed(pid_t pid, std::uint64_t looked_ns);

private:
  void take(const fm_mapped& record);
  void look_in_time(pid_t pid);
  void look_or_wait(pid_t pid);
  void look(pid_t pid);
  std::uint64_t& last_look_of(pid_t pid);

  static constexpr std::size_t max_processes = 4096;
  BpfPrograms& programs_;
  ProbeSensor& probes_;
  KnownLibraries& libraries_;
  std::map<pid_t, std::uint64_t> last_look_ns_; ///< all that was mapped then is probed
  std::set<pid_t> waiting_;                     ///< told of since they were looked at
  std::map<pid_t, int> looks_;                  ///< since the last tick
  std::set<pid_t> young_;                       ///< have called exec since the last tick
  std::vector<LateProbesEvent> late_;
};

} // namespace forkmon
