// SPDX-License-Identifier: MIT
#include "sinks/inventory_text.h"

#include "util/text.h"
#include "util/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace forkmon {
namespace {

constexpr std::size_t line_columns = 80;
constexpr std::size_t now_columns = 38;
constexpr std::size_t name_columns = 24; // a comm has 15 bytes, which may take four columns each

// "8 threads", "1 thread", "no threads".
std::string count_of(std::size_t count, std::string_view one, std::string_view many) {
  if (count == 0)
    return fmt::format("no {}", many);
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string threads_text(std::uint32_t threads) {
  return count_of(threads, "thread", "threads");
}

std::string forked_text(std::size_t children) {
  return count_of(children, "forked child", "forked children");
}

// "python3 [29302]"
std::string name_of(const ListedProcess& process) {
  return fmt::format("{} [{}]", for_terminal(process.comm, name_columns), process.pid);
}

// "python3 ×5" and the like, the most frequent first.
std::vector<std::string> thread_groups(const std::vector<std::string>& names) {
  std::map<std::string, std::size_t> counts;
  for (const std::string& name : names)
    ++counts[name];
  std::vector<std::pair<std::string, std::size_t>> groups(counts.begin(), counts.end());
  std::ranges::stable_sort(groups, std::ranges::greater{}, [](const auto& g) { return g.second; });
  std::vector<std::string> texts;
  for (const auto& [name, count] : groups) {
    const std::string text = for_terminal(name, name_columns);
    texts.push_back(count == 1 ? text : fmt::format("{} ×{}", text, count));
  }
  return texts;
}

// As many as fit into a line.
std::string threads_line(const FamilyInventory& inventory) {
  if (inventory.threads.size() < 2)
    return {};
  const auto groups = thread_groups(inventory.threads);
  constexpr std::size_t room_for_rest = 12; // ", +1000 more"
  std::string line = "  threads  ";
  std::size_t shown = 0;
  for (; shown < groups.size(); ++shown) {
    const std::string next = (shown == 0 ? "" : ", ") + groups[shown];
    if (display_width(line) + display_width(next) + room_for_rest > line_columns)
      break;
    line += next;
  }
  if (shown < groups.size())
    line += fmt::format(", +{} more", groups.size() - shown);
  return line + "\n";
}

// As much as a line has room for.
std::string now_text(const ListedProcess& child) {
  const std::string threads =
      child.threads > 1 ? fmt::format(", {}", threads_text(child.threads)) : std::string();
  return for_terminal(activity_text(child.activity) + threads, now_columns);
}

std::string child_row(const ListedProcess& child) {
  return fmt::format("  {:>8}  {}  {}  {}\n", child.pid, left_column(child.comm, 16),
                     right_column(human_duration(child.age_us), 10), now_text(child));
}

std::string children_table(const FamilyInventory& inventory) {
  if (inventory.forked.empty())
    return {};
  std::string text =
      fmt::format("  {:>8}  {:<16}  {:>10}  {}\n", "CHILD", "NAME", "FORKED AGO", "NOW");
  for (const ListedProcess& child : inventory.forked)
    text += child_row(child);
  if (inventory.forked_total > inventory.forked.size())
    text += fmt::format("  +{} more\n", inventory.forked_total - inventory.forked.size());
  return text;
}

std::string alternative_line(const Alternative& other) {
  const std::string has =
      other.process.threads > 1 || other.forked == 0
          ? threads_text(other.process.threads)
          : fmt::format("{} with {}", forked_text(other.forked), threads_text(other.max_threads));
  return fmt::format("  {}, started by exec, has {}: use -p {}\n", name_of(other.process), has,
                     other.process.pid);
}

std::string parent_of(const FamilyInventory& inventory) {
  return inventory.forked_by ? name_of(*inventory.forked_by) : "a process that has ended";
}

std::string parent_row(const ListedParent& parent) {
  return fmt::format("  {:>8}  {}  {:>7}  {:>8}  {:>16}\n", parent.process.pid,
                     left_column(parent.process.comm, 16), parent.process.threads, parent.forked,
                     parent.waiting);
}

} // namespace

const char* activity_text(Activity activity) {
  switch (activity) {
  case Activity::unknown:
    break;
  case Activity::runs:
    return "runs";
  case Activity::reads_pipe:
    return "idle: reads a pipe";
  case Activity::reads_socket:
    return "idle: reads a socket";
  case Activity::reads_file:
    return "reads a file";
  case Activity::waits_for_input:
    return "idle: waits for input";
  case Activity::waits_for_lock:
    return "waits for a lock";
  case Activity::waits_for_shared_lock:
    return "waits for a shared lock";
  case Activity::waits_for_child:
    return "waits for a child";
  case Activity::waits_for_signal:
    return "waits for a signal";
  case Activity::sleeps:
    return "sleeps";
  case Activity::is_blocked:
    return "blocked in the kernel";
  case Activity::is_stopped:
    return "stopped";
  case Activity::is_traced:
    return "stopped by a debugger";
  case Activity::waits:
    return "waits in a system call";
  }
  return "not known";
}

std::string inventory_text(const FamilyInventory& inventory) {
  std::string text =
      fmt::format("{} has {} and {}\n", name_of(inventory.process),
                  threads_text(inventory.process.threads), forked_text(inventory.forked_total));
  if (inventory.is_forked)
    text +=
        fmt::format("  forked {} ago by {}; now: {}\n", human_duration(inventory.process.age_us),
                    parent_of(inventory), activity_text(inventory.process.activity));
  text += threads_line(inventory) + children_table(inventory);
  for (const Alternative& other : inventory.alternatives)
    text += alternative_line(other);
  return text;
}

std::string inventory_text(const SystemInventory& inventory) {
  std::string text = fmt::format("{} with more than one thread; they have {}\n",
                                 count_of(inventory.threaded, "process", "processes"),
                                 forked_text(inventory.forked));
  if (inventory.orphans > 0)
    text += fmt::format("  {} whose parent has ended\n",
                        count_of(inventory.orphans, "forked process", "forked processes"));
  if (inventory.parents.empty())
    return text;
  text += fmt::format("  {:>8}  {:<16}  {:>7}  {:>8}  {:>16}\n", "PARENT", "NAME", "THREADS",
                      "CHILDREN", "WAIT FOR A LOCK");
  for (const ListedParent& parent : inventory.parents)
    text += parent_row(parent);
  if (inventory.parents_total > inventory.parents.size())
    text += fmt::format("  +{} more\n", inventory.parents_total - inventory.parents.size());
  return text;
}

} // namespace forkmon
