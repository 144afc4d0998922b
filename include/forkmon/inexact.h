// SPDX-License-Identifier: MIT
/// Why the counts of a child are "at least".
#pragma once

#include <string>

namespace forkmon {

/// The sinks have the words (src/sinks/inexact_text.h).
enum class InexactCause {
  none = 0,        ///< the counts are exact
  not_armed,       ///< it carried no probes at its fork
  adopted,         ///< it was forked before anybody watched
  armed_late,      ///< probes were put on it while it lived
  over_budget,     ///< probes were taken off its family, which had spent its budget
  family_execed,   ///< probes went when the first process of its family called exec
  made_room,       ///< probes were taken off to make room for a worse offender
  disarmed,        ///< probes had been taken off before its fork, or were, for a reason not known
  library_unread,  ///< a library that it has mapped could not be read: see `detail`
  library_late,    ///< a library got its probes only after it was mapped
  unresolved_hits, ///< probes were hit that could not be matched to a library
  thread_ended,    ///< before Linux 6.13: a thread ended and may have taken the probes along
  leader_ended,    ///< its first thread ended before it called exec
  calls_lost,      ///< records of its calls were lost
  end_lost,        ///< the record of its end was lost, or has not come
  kernel_skipped,  ///< the kernel skipped runs of the BPF programs in its lifetime
};

struct Inexact {
  InexactCause cause = InexactCause::none;
  std::string detail; ///< such as a file's path, and why it was not read; raw bytes; may be empty
};

} // namespace forkmon
