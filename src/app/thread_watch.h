// SPDX-License-Identifier: MIT
/// Holds the probes of armed processes that start threads: see ProbeSensor::hold.
#pragma once

#include "sensors/bpf_programs.h"
#include "sensors/probes.h"
#include "util/fd.h"

#include <memory>
#include <thread>

namespace forkmon {

/// A thread of its own: a process is held within a fraction of a millisecond, whatever else the
/// agent is doing, so that it is not too late when the process's first thread ends.
class ThreadWatch {
public:
  static Result<std::unique_ptr<ThreadWatch>> start(BpfPrograms& programs, ProbeSensor& probes);
  ~ThreadWatch();

private:
  ThreadWatch(BpfPrograms& programs, ProbeSensor& probes, Fd stop);
  void run();

  BpfPrograms& programs_;
  ProbeSensor& probes_;
  Fd stop_; ///< eventfd(2): readable when it is time to end
  std::thread thread_;
};

} // namespace forkmon
