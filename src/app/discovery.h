// SPDX-License-Identifier: MIT
/// Finds the libraries that armed processes map after they were armed: at exec, and when their
/// dynamic loader says so.
#pragma once

#include "app/known_libraries.h"
#include "forkmon/event.h"
#include "sensors/map_reader.h"
#include "sensors/probes.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace forkmon {

class Discovery {
public:
  /// A process has mapped something, and runs the program of that task->self_exec_id.
  using OnMapped = std::function<void(pid_t pid, std::uint32_t execs)>;

  Discovery(MapReader& maps, ProbeSensor& probes, KnownLibraries& libraries, OnMapped on_mapped)
      : maps_(maps), probes_(probes), libraries_(libraries), on_mapped_(std::move(on_mapped)) {}

  /// Takes in what armed processes have mapped, and gives them the probes that they lack. Must be
  /// called before an event is believed: what it returns may take back that a child is exact.
  std::vector<LateProbesEvent> catch_up();

  /// catch_up(), and a second look at those whose first one came too late.
  std::vector<LateProbesEvent> tick();

  /// A process was armed with all that it had mapped at `looked_ns`; it is looked at once more.
  void note_armed(pid_t pid, std::uint64_t looked_ns);

private:
  /// When a process's map was read, the last time and the time before.
  struct Looks {
    std::uint64_t last_ns = 0;
    std::uint64_t before_ns = 0;
    bool is_unwatched = false; ///< it has mapped what could not be probed
  };

  void take(MapSnapshot snapshot);
  void note_exec(pid_t pid, std::uint64_t time_ns);
  void note_unread(const MapSnapshot& snapshot);
  void cover(MapSnapshot snapshot);
  void look_again(pid_t pid);
  void note_unwatched(pid_t pid, Looks& looks, const std::string& why);
  void note_late(std::uint64_t from_ns, std::uint64_t to_ns, pid_t pid);
  Looks& looks_of(pid_t pid);

  static constexpr std::size_t max_processes = 4096;
  static constexpr int max_depth =
      4; ///< a process may map new libraries as fast as it is looked at
  MapReader& maps_;
  ProbeSensor& probes_;
  KnownLibraries& libraries_;
  OnMapped on_mapped_;
  std::map<pid_t, Looks> looked_;          ///< all that was mapped then is probed
  int depth_ = 0;                          ///< of looks within a look
  std::set<pid_t> again_;                  ///< to be looked at again at the next tick
  std::vector<LateProbesEvent> late_;      ///< nothing of it concerns a process that was stopped
  std::vector<LateProbesEvent> unwatched_; ///< also of those
};

} // namespace forkmon
