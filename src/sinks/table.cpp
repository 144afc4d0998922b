// SPDX-License-Identifier: MIT
#include "sinks/table.h"

#include "sinks/deadlock_text.h"
#include "sinks/inexact_text.h"
#include "util/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace forkmon {
namespace {

constexpr std::size_t time_columns = 12;
constexpr std::size_t severity_columns = 8;
constexpr std::size_t parent_columns = 24;
constexpr std::size_t child_columns = 22;
constexpr std::size_t what_columns = 26;
constexpr std::size_t library_columns = 16;
constexpr std::size_t after_fork_columns = 10;
constexpr std::size_t shown_calls = 5;
constexpr std::size_t shown_callers = 3;

// A row's texts; `detail` and `below` are printable already, the others are not.
struct Row {
  std::uint64_t time_ns = 0;
  Severity severity = Severity::info;
  std::string parent; // printable
  std::string child;
  std::string what;
  std::string library;
  std::string after_fork;
  std::string detail;
  std::string below; // further lines, each with its newline
};

// A long name is cut rather than the numbers after it.
std::string parent_text(const Parent& parent) {
  const bool is_known = parent.pid != 0;
  const std::string numbers =
      is_known ? fmt::format("[{}] ×{}", parent.pid, parent.threads) : std::string("[ended]");
  return for_terminal(parent.comm, parent_columns - display_width(numbers)) + numbers;
}

std::string child_text(const Child& child) {
  return fmt::format("{} {}", child.pid, child.comm);
}

std::string outcome_text(const ChildFinding& child) {
  if (child.outcome == Outcome::exec)
    return "exec";
  if (child.outcome == Outcome::exit)
    return fmt::format("exited {}", child.status);
  if (child.outcome == Outcome::alive)
    return "still alive";
  const char* name = sigabbrev_np(child.status);
  return name ? fmt::format("killed by signal {} ({})", child.status, name)
              : fmt::format("killed by signal {}", child.status);
}

// " (exact)", or " (at least: why)".
std::string exactness_text(const ChildFinding& child, const char* otherwise) {
  if (child.exact)
    return " (exact)";
  const std::string why = for_terminal(inexact_text(child));
  return why.empty() ? fmt::format(" ({})", otherwise) : fmt::format(" ({}: {})", otherwise, why);
}

// "setenv×1 malloc×1000 (exact)": the worst first, then the most frequent.
std::string calls_text(const ChildFinding& child) {
  if (child.calls.empty())
    return (child.exact ? "no unsafe calls" : "no unsafe calls seen") +
           exactness_text(child, "not exact");
  std::vector<CallCount> calls = child.calls;
  std::stable_sort(calls.begin(), calls.end(), [](const CallCount& a, const CallCount& b) {
    return a.severity != b.severity ? a.severity > b.severity : a.count > b.count;
  });
  std::string text;
  for (std::size_t i = 0; i < std::min(calls.size(), shown_calls); ++i)
    text += fmt::format("{}{}×{}", i > 0 ? " " : "", for_terminal(calls[i].function, 64),
                        calls[i].count);
  if (calls.size() > shown_calls)
    text += fmt::format(" +{} more", calls.size() - shown_calls);
  return text + exactness_text(child, "at least");
}

std::string stuck_text(const ChildFinding& child) {
  if (!child.deadlocked)
    return {};
  return child.outcome == Outcome::alive && child.still_stuck ? "is stuck; " : "was stuck; ";
}

// "    from worker ← run ← main", or nothing where no caller has a name.
std::string callers_line(const UnsafeCallFinding& call) {
  std::string names;
  std::size_t shown = 0;
  for (const Frame& frame : call.stack) {
    if (frame.function.empty() || frame.function == call.function || shown == shown_callers)
      continue;
    names += (names.empty() ? "" : " ← ") + for_terminal(frame.function, 48);
    ++shown;
  }
  return names.empty() ? "" : fmt::format("    from {}\n", names);
}

std::optional<Row> row_of(const TaintedForkFinding&) {
  return std::nullopt;
}

std::optional<Row> row_of(const UnsafeCallFinding& call) {
  return Row{.time_ns = call.time_ns,
             .severity = call.severity,
             .parent = parent_text(call.subject.parent),
             .child = child_text(call.subject.child),
             .what = "calls " + call.function,
             .library = std::string(base_name(call.library)),
             .after_fork = human_duration(call.since_fork_us),
             .detail = {},
             .below = callers_line(call)};
}

std::optional<Row> row_of(const DeadlockFinding& deadlock) {
  return Row{.time_ns = deadlock.time_ns,
             .severity = deadlock.severity,
             .parent = parent_text(deadlock.subject.parent),
             .child = child_text(deadlock.subject.child),
             .what = deadlock.proof ? "deadlocked (proven)" : "stuck (suspected)",
             .library = {},
             .after_fork = human_duration(deadlock.since_fork_us),
             .detail = {},
             .below = deadlock_text(deadlock)};
}

std::optional<Row> row_of(const DeadlockOverFinding& over) {
  if (!over.child_lives)
    return std::nullopt; // the child's row says how it ended
  return Row{.time_ns = over.time_ns,
             .severity = over.severity,
             .parent = parent_text(over.subject.parent),
             .child = child_text(over.subject.child),
             .what = "resumes",
             .library = {},
             .after_fork = {},
             .detail = {},
             .below = {}};
}

std::optional<Row> row_of(const ChildFinding& child) {
  return Row{.time_ns = child.time_ns,
             .severity = child.severity,
             .parent = parent_text(child.subject.parent),
             .child = child_text(child.subject.child),
             .what = outcome_text(child),
             .library = {},
             .after_fork = human_duration(child.lifetime_us),
             .detail = stuck_text(child) + calls_text(child),
             .below = {}};
}

std::optional<Row> row_of(const LostFinding& lost) {
  return Row{.time_ns = lost.time_ns,
             .severity = lost.severity,
             .parent = "-",
             .child = "-",
             .what = fmt::format("{} events lost", lost.count),
             .library = {},
             .after_fork = {},
             .detail = "by sensor " + for_terminal(lost.sensor, 32),
             .below = {}};
}

const char* color_of(Severity severity) {
  switch (severity) {
  case Severity::critical:
    return "\x1b[1;31m"; // bold red
  case Severity::high:
    return "\x1b[31m"; // red
  case Severity::warning:
    return "\x1b[33m"; // yellow
  case Severity::info:
    break;
  }
  return "\x1b[2m"; // dim
}

std::string severity_cell(Severity severity, bool color) {
  const std::string cell = left_column(to_string(severity), severity_columns);
  return color ? color_of(severity) + cell + "\x1b[0m" : cell;
}

std::string without_trailing_spaces(std::string line) {
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

std::string line_of(const std::string& time, const std::string& severity, const Row& row) {
  return without_trailing_spaces(fmt::format(
             "{}  {}  {}  {}  {}  {}  {}  {}", time, severity,
             left_column(row.parent, parent_columns), left_column(row.child, child_columns),
             left_column(row.what, what_columns), left_column(row.library, library_columns),
             right_column(row.after_fork, after_fork_columns), row.detail)) +
         "\n";
}

std::string header() {
  return line_of(left_column("TIME", time_columns), left_column("SEVERITY", severity_columns),
                 Row{.parent = "PARENT ×THREADS",
                     .child = "CHILD",
                     .what = "WHAT",
                     .library = "LIBRARY",
                     .after_fork = "AFTER FORK",
                     .detail = "CALLS",
                     .below = {}});
}

} // namespace

Status TableSink::on(const Finding& finding) {
  const std::optional<Row> row = std::visit([](const auto& f) { return row_of(f); }, finding);
  if (!row)
    return ok();
  const std::string line =
      line_of(clock_.local_time(row->time_ns), severity_cell(row->severity, color_), *row) +
      row->below;
  return write(line);
}

Status TableSink::on(const SuppressedLines& suppressed) {
  return write(fmt::format("{}  {}  {} more lines of {} were left out: {}\n",
                           left_column(clock_.local_time(suppressed.time_ns), time_columns),
                           severity_cell(suppressed.severity, color_), suppressed.count,
                           for_terminal(suppressed.exe), for_terminal(suppressed.rule)));
}

Status TableSink::write(const std::string& line) {
  const std::string lines = header_written_ ? line : header() + line;
  header_written_ = true;
  return output_.write(lines);
}

} // namespace forkmon
