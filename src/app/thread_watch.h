// SPDX-License-Identifier: MIT
/// What cannot wait for the agent to come round: it holds the probes of armed processes that start
/// threads (ProbeSensor::hold), and reads the maps of those that have mapped code (MapReader).
#pragma once

#include "sensors/bpf_programs.h"
#include "sensors/map_reader.h"
#include "sensors/probes.h"
#include "util/fd.h"

#include <memory>
#include <thread>

namespace forkmon {

/// Threads of their own: a process is held within a fraction of a millisecond, whatever else the
/// agent is doing, so that it is not too late when the process's first thread ends.
class ThreadWatch {
public:
  /// `holds`: processes must be held, see can_keep_contexts_apart().
  static Result<std::unique_ptr<ThreadWatch>> start(BpfPrograms& programs, ProbeSensor& probes,
                                                    MapReader& maps, bool holds);
  ~ThreadWatch();

private:
  ThreadWatch(BpfPrograms& programs, ProbeSensor& probes, MapReader& maps, bool holds, Fd stop);
  void hold_processes();
  void read_maps();

  BpfPrograms& programs_;
  ProbeSensor& probes_;
  MapReader& maps_;
  Fd stop_; ///< eventfd(2): readable when it is time to end
  std::thread holder_;
  std::thread reader_; ///< another one, because the first has less time yet
};

} // namespace forkmon
