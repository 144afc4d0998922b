// SPDX-License-Identifier: MIT
#include "correlate/hang_advice.h"

#include "correlate/advice.h"
#include "correlate/hang_advice_tables.h"
#include "correlate/library_hint.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace forkmon {
namespace {

constexpr std::string_view self_fix =
    "It holds the lock itself, and takes it again: that has nothing to do with fork. Unlock it "
    "first, or make the mutex recursive.";
constexpr std::string_view of_parent =
    "A thread of the parent holds the lock: unlocking it there does not unlock the child's copy.";
constexpr std::string_view of_forker =
    "The thread that forked held the lock itself: unlock it before the fork, or in the child.";
constexpr std::string_view in_child_fix =
    "Another thread of the child holds the lock: see what that thread waits for. Where it is stuck "
    "as well, there is a finding about it.";
constexpr std::string_view of_ended =
    "The thread that held the lock has ended, or exists only in the parent.";
constexpr std::string_view bare_fork =
    "The child was made by _Fork or clone(2), which make no lock of the C library usable in the "
    "child: use fork() or posix_spawn.";

template <typename Row, typename Key>
const Row& row_of(std::span<const Row> table, Key Row::*key, Key wanted) {
  const auto found = std::ranges::find(table, wanted, key);
  return found == table.end() ? table.front() : *found;
}

void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

std::string filled_in(std::string_view pattern, std::string_view end, const DeadlockFinding& hang) {
  std::string text(pattern);
  replace_all(text, "{end}", std::string(end));
  replace_all(text, "{child}", std::to_string(hang.subject.child.pid));
  const Parent& parent = hang.subject.parent;
  replace_all(text, "{parent}", parent.ended ? "its program" : std::to_string(parent.pid));
  replace_all(text, "{owner}", hang.lock.owner ? std::to_string(hang.lock.owner->tid) : "?");
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

void add_sentences(std::string& text, std::string_view more) {
  if (!more.empty())
    text += (text.empty() ? "" : " ") + std::string(more);
}

const LockRow& lock_row(const Lock& lock, ForkPath path) {
  const auto fits = [&](const LockRow& row) {
    return row.kind == lock.kind && (row.runtime == Runtime::any || path != ForkPath::native);
  };
  const auto rows = lock_rows();
  const auto found = std::ranges::find_if(rows, fits);
  return found == rows.end() ? rows.back() : *found;
}

/// Who held the lock: its owner, where it records one, or else what its kind says.
std::string_view cause_of(const Lock& lock, const LockRow& row) {
  if (lock.address == 0)
    return {};
  if (!lock.owner)
    return row.cause;
  if (lock.owner->is_forker)
    return of_forker;
  return lock.owner->alive ? of_parent : of_ended;
}

/// What to change where a lock was left behind by the fork.
std::string fix_of_fork(const DeadlockFinding& hang, const ReasonRow& reason, ForkPath path,
                        bool locks_repaired) {
  const LockRow& row = lock_row(hang.lock, path);
  std::string fix(reason.fix.empty() ? cause_of(hang.lock, row) : reason.fix);
  std::string_view hint = library_hint(hang.stack);
  if (hint.empty())
    hint = lock_hint(hang.lock);
  if (!locks_repaired)
    add_sentences(fix, bare_fork);
  else
    add_sentences(fix, hint.empty() && hang.lock.address != 0 ? row.fix : hint);
  add_sentences(fix, fix_for(path));
  return fix;
}

std::string fix_of(const DeadlockFinding& hang, const ReasonRow& reason, ForkPath path,
                   bool locks_repaired) {
  if (hang.lock.owner && hang.lock.owner->is_self)
    return std::string(self_fix);
  if (hang.lock.owner && hang.lock.owner->in_child)
    return std::string(in_child_fix);
  if (reason.blames_fork)
    return fix_of_fork(hang, reason, path, locks_repaired);
  std::string fix(reason.fix);
  const std::string_view hint = library_hint(hang.stack);
  add_sentences(fix, hint);
  if (!hint.empty())
    add_sentences(fix, fix_for(path));
  return fix;
}

} // namespace

HangAdvice advice_for_hang(const DeadlockFinding& hang, bool locks_repaired) {
  const ForkPath path = fork_path_of(hang.subject.parent.exe, hang.stack, hang.python);
  const bool is_self = hang.lock.owner && hang.lock.owner->is_self; // nobody else can release it
  const ReasonRow& reason =
      is_self ? reason_rows().front() : row_of(reason_rows(), &ReasonRow::reason, hang.reason);
  const PathRow& end = row_of(path_rows(), &PathRow::path, path);
  const bool orphan = hang.subject.parent.ended;
  HangAdvice advice;
  advice.remedy = reason.remedy.value_or(end.remedy);
  if (orphan && advice.remedy == Remedy::restart_parent)
    advice.remedy = Remedy::kill_child;
  advice.now = filled_in(reason.now, orphan ? end_of_orphan() : end.end, hang);
  advice.fix = fix_of(hang, reason, path, locks_repaired);
  return advice;
}

} // namespace forkmon
