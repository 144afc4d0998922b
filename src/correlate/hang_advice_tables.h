// SPDX-License-Identifier: MIT
/// The sentences that advice about a hang is made of, as data.
///
/// In `now` and `end`, {child}, {parent} and {owner} stand for ids, and {end} for the `end` of a
/// PathRow. tests/e2e/test_advice.py does what they say.
#pragma once

#include "correlate/fork_path.h"
#include "forkmon/lock.h"
#include "forkmon/remedy.h"
#include "forkmon/stuck_reason.h"

#include <optional>
#include <span>
#include <string_view>

namespace forkmon {

/// How the child was made: what its end means to the parent that waits for it.
struct PathRow {
  ForkPath path;
  Remedy remedy;
  std::string_view end;
};

/// Why it is suspected; `none` for a proof. A row without a remedy has that of the path.
struct ReasonRow {
  StuckReason reason;
  std::optional<Remedy> remedy;
  std::string_view now;
  bool blames_fork; ///< a lock that the fork left behind: the fix of the lock and of the path apply
  std::string_view fix; ///< comes first, in place of who holds the lock
};

enum class Runtime { any, python };

/// Who should have released the lock, and what to do about it. The first row that fits counts.
struct LockRow {
  LockKind kind;
  Runtime runtime;
  std::string_view cause;
  std::string_view fix;
};

/// One row for each value of the enum; the first is for values that are not listed.
std::span<const PathRow> path_rows();
std::span<const ReasonRow> reason_rows();
/// The last is for kinds that are not listed.
std::span<const LockRow> lock_rows();

/// The `end` of a child whose parent has ended.
std::string_view end_of_orphan();

} // namespace forkmon
