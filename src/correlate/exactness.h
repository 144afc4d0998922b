// SPDX-License-Identifier: MIT
/// Whether the counts of a child are exact, and if not, why.
#pragma once

#include "correlate/tracked_child.h"

#include <cstdint>
#include <optional>

namespace forkmon {

/// Of a child that ended at `time_ns`, or had not ended by then. `calls` is what its counts must
/// add up to; nothing where the kernel did not say so, as the record of its end has not come. Cause
/// `none` where they are exact, else the one that tells most: what was lacking at its fork comes
/// before what happened later.
Inexact inexactness(const TrackedChild& child, std::uint64_t time_ns,
                    std::optional<std::uint64_t> calls);

} // namespace forkmon
