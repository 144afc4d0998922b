// SPDX-License-Identifier: MIT
/// How we know of a call.
#pragma once

namespace forkmon {

/// What a finding rests on.
enum class Evidence {
  uprobe = 1,     ///< a probe in the function: every call is seen
  page_fault = 2, ///< its code touched a page first since the fork: some calls are
};

} // namespace forkmon
