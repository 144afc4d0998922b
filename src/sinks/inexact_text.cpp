// SPDX-License-Identifier: MIT
#include "sinks/inexact_text.h"

#include <fmt/format.h>

namespace forkmon {

std::string inexact_text(InexactCause cause) {
  switch (cause) {
  case InexactCause::none:
    break;
  case InexactCause::not_armed:
    return "it carried no probes at its fork";
  case InexactCause::adopted:
    return "it was forked before forkmon watched";
  case InexactCause::armed_late:
    return "it got its probes while it lived";
  case InexactCause::over_budget:
    return "its family had spent its budget, and probes were taken off";
  case InexactCause::family_execed:
    return "the first process of its family called exec, and the probes went with it";
  case InexactCause::made_room:
    return "probes were taken off its family to make room for a worse offender";
  case InexactCause::disarmed:
    return "probes were taken off its family";
  case InexactCause::library_unread:
    return "a library that it has mapped could not be read";
  case InexactCause::library_late:
    return "a library got its probes only after it was mapped";
  case InexactCause::unresolved_hits:
    return "hits of probes could not be matched to a library";
  case InexactCause::thread_ended:
    return "a thread ended, and may have taken the probes along";
  case InexactCause::leader_ended:
    return "its first thread ended before it called exec";
  case InexactCause::calls_lost:
    return "records of its calls were lost";
  case InexactCause::end_lost:
    return "the record of its end was lost";
  case InexactCause::kernel_skipped:
    return "the kernel skipped runs of forkmon's programs in its lifetime";
  }
  return {};
}

std::string inexact_text(const ChildFinding& child) {
  const auto& [cause, detail] = child.inexact;
  if (cause == InexactCause::unresolved_hits)
    return fmt::format("{} hits of probes could not be matched to a library",
                       child.unresolved_hits);
  if (cause == InexactCause::end_lost && child.outcome == Outcome::alive)
    return "it is still alive: its counts come with its end";
  return detail.empty() ? inexact_text(cause) : fmt::format("{}: {}", inexact_text(cause), detail);
}

} // namespace forkmon
