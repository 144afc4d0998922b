// SPDX-License-Identifier: MIT
#include "correlate/exactness.h"

#include "correlate/calls.h"

namespace forkmon {
namespace {

/// A library that cannot be read is never watched, whatever else is put right.
Inexact lacking_at_fork(const TrackedChild& child) {
  if (child.bare.cause == InexactCause::library_unread)
    return child.bare;
  if (child.doubt.why.cause == InexactCause::library_unread)
    return child.doubt.why;
  if (child.ref.adopted)
    return {InexactCause::adopted, ""};
  if (child.counted_from_ns)
    return {InexactCause::armed_late, ""};
  return child.bare;
}

} // namespace

Inexact inexactness(const TrackedChild& child, std::uint64_t time_ns,
                    std::optional<std::uint64_t> calls) {
  if (!child.was_armed)
    return child.unresolved_hits > 0 ? Inexact{InexactCause::unresolved_hits, ""}
                                     : lacking_at_fork(child);
  if (child.doubt.from_ns <= time_ns)
    return child.doubt.why;
  if (child.unresolved_hits > 0)
    return {InexactCause::unresolved_hits, ""};
  if (!child.ref.armed) // the kernel took it back
    return {InexactCause::thread_ended, ""};
  if (!calls)
    return {InexactCause::end_lost, ""};
  if (!counts_are_complete(child, *calls))
    return {InexactCause::calls_lost, ""};
  return {};
}

} // namespace forkmon
