// SPDX-License-Identifier: MIT
/// The probe sensor: uprobes on catalogue functions, felt only by processes that are armed.
///
/// All sites of a library are one tracefs event. The BPF program is attached to it once, through an
/// anchor: a perf event on the kernel thread kthreadd, which never runs user code. A process is
/// armed by perf events of its own threads, which threads and children inherit inside copy_process,
/// so that no first call is missed. Strangers keep an unmodified libc.
#pragma once

#include "forkmon/event.h"
#include "sensors/bpf_programs.h"
#include "sensors/families.h"
#include "sensors/perf_event.h"
#include "sensors/tracefs.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace forkmon {

/// The places to probe in one library file.
struct LibrarySites {
  struct Site {
    std::uint64_t offset = 0; ///< in the file
    std::uint32_t place = 0;  ///< FM_PLACE of wire.h
  };
  std::string path;
  FileId file; ///< as the kernel's vm_area_struct has it
  std::vector<Site> sites;
};

/// Is pid 2 the kernel's kthreadd? Not so in a container with a pid namespace of its own.
Status find_anchor();

/// May be used from several threads.
class ProbeSensor {
public:
  static Result<std::unique_ptr<ProbeSensor>> create(BpfPrograms& programs);

  /// Defines the library's probes. Nobody feels them yet.
  Status add(const LibrarySites& library);

  /// Arms a process: all its threads, and all that come of it.
  Status arm(pid_t pid, Inheritance inheritance, std::uint32_t family_flags);
  /// A process that inherited its probes has started a thread: gives it probes of its own, which
  /// stay when threads end (see tell_of_first_thread in bpf/lifecycle.bpf.c), until it ends itself.
  Status hold(pid_t pid);
  /// Takes the probes off a process and off the living children that inherited them.
  void disarm(pid_t pid);
  /// Arms every process of the system.
  Status arm_everything();

  /// Armed processes that have ended. Their living children carry probes until disarm().
  std::vector<pid_t> ended() const;
  /// Lets go of held processes that have ended.
  void release_held();
  std::size_t armed_families() const;

private:
  struct Library {
    std::uint64_t event_id = 0;
    Fd anchor;
  };
  struct Family {
    Fd pidfd;
    std::vector<Fd> events;
  };
  ProbeSensor(BpfPrograms& programs, UprobeEvents events);
  Status open_on(pid_t tid, Inheritance inheritance, std::vector<Fd>& opened) const;
  void forget_ended_held();

  mutable std::mutex mutex_; ///< guards what follows; taken by the public functions

  BpfPrograms& programs_;
  FamilyMap family_map_;
  UprobeEvents events_; ///< removed after the perf events that use them, which are declared below
  std::map<FileId, Library> libraries_;
  std::vector<Fd> everything_;
  std::map<pid_t, Family> families_;
  std::map<pid_t, Family> held_;
};

} // namespace forkmon
