// SPDX-License-Identifier: MIT
/// What a tainted child called, in the words of findings.
#pragma once

#include "catalogue/function_table.h"
#include "correlate/tracked_child.h"

namespace forkmon {

/// From one point in time to a later one, in microseconds; 0 where time ran backwards.
std::uint64_t microseconds_between(std::uint64_t from_ns, std::uint64_t to_ns);

/// The finding for a child's first call of a function. An id that the table does not have is named
/// function_ID.
UnsafeCallFinding unsafe_call(const FunctionTable& functions, const TrackedChild& child,
                              FunctionId function, std::uint64_t time_ns, Evidence evidence,
                              const std::vector<Frame>& stack);

/// The worst first, then the most frequent. A function that was announced but not counted counts 1.
std::vector<CallCount> calls_of(const FunctionTable& functions, const TrackedChild& child);

/// About the first of calls_of(), of a child that ended in this way; empty without calls.
std::string advice_for(const FunctionTable& functions, const TrackedChild& child, Outcome outcome);

/// Are the counts all there is, given the sum that the kernel sent at the end?
bool counts_are_complete(const TrackedChild& child, std::uint64_t sum);

} // namespace forkmon
