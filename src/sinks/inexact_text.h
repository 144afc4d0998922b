// SPDX-License-Identifier: MIT
/// Why the counts of a child are not exact, in words.
#pragma once

#include "forkmon/finding.h"

#include <string>

namespace forkmon {

/// The `inexact_reason` of the contract; empty where the child is exact. Raw bytes, as a library's
/// path is one.
std::string inexact_text(const ChildFinding& child);

/// The same for all children with that cause.
std::string inexact_text(InexactCause cause);

} // namespace forkmon
