// SPDX-License-Identifier: MIT
#include "sinks/inventory_text.h"

#include "sinks/samples.h"
#include "util/text.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace forkmon {
namespace {

ListedProcess process(std::int32_t pid, std::string comm = "python3", std::uint32_t threads = 1,
                      Activity activity = Activity::reads_pipe) {
  return {pid, std::move(comm), threads, 24'000'000, activity};
}

FamilyInventory server() {
  FamilyInventory inventory;
  inventory.process = process(29302, "python3", 8);
  inventory.threads = {"python3", "http", "http", "http", "statsd", "heartbeat", "http", "http"};
  inventory.forked = {process(29310, "python3", 1, Activity::waits_for_lock), process(29309)};
  inventory.forked_total = 2;
  return inventory;
}

void expect_narrow(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(display_width(line), 80U) << line;
}

TEST(InventoryText, ListsThreadsAndForkedChildren) {
  EXPECT_EQ(inventory_text(server()), R"(python3 [29302] has 8 threads and 2 forked children
  threads  http ×5, heartbeat, python3, statsd
     CHILD  NAME              FORKED AGO  NOW
     29310  python3                 24 s  waits for a lock
     29309  python3                 24 s  idle: reads a pipe
)");
}

TEST(InventoryText, SaysWhichProcessIsMeantInstead) {
  FamilyInventory shell;
  shell.process = process(29301, "bash");
  shell.threads = {"bash"};
  shell.alternatives = {{process(29302, "python3", 8), 3, 8}, {process(29400, "gunicorn"), 2, 4}};
  EXPECT_EQ(inventory_text(shell), R"(bash [29301] has 1 thread and no forked children
  python3 [29302], started by exec, has 8 threads: use -p 29302
  gunicorn [29400], started by exec, has 2 forked children with 4 threads: use -p 29400
)");
}

TEST(InventoryText, SaysOfAWorkerWhoForkedIt) {
  FamilyInventory worker;
  worker.process = process(29310, "python3", 1, Activity::waits_for_lock);
  worker.is_forked = true;
  worker.forked_by = process(29302);
  EXPECT_EQ(inventory_text(worker), R"(python3 [29310] has 1 thread and no forked children
  forked 24 s ago by python3 [29302]; now: waits for a lock
)");
  worker.forked_by.reset();
  EXPECT_THAT(inventory_text(worker),
              testing::HasSubstr("\n  forked 24 s ago by a process that has ended; now: "));
}

TEST(InventoryText, IsNarrowAndSaysWhatItLeavesOut) {
  FamilyInventory inventory = server();
  inventory.process.comm = samples::hostile;
  inventory.threads.clear();
  for (int i = 0; i < 200; ++i)
    inventory.threads.push_back("thread-name-" + std::to_string(i) + "\x1b\n");
  inventory.forked.assign(
      16, process(4194304, samples::hostile + "0123456789", 1024, Activity::waits_for_shared_lock));
  inventory.forked_total = 1000;
  const std::string text = inventory_text(inventory);
  expect_narrow(text);
  EXPECT_THAT(text, testing::HasSubstr(", +198 more\n"));
  EXPECT_THAT(text, testing::EndsWith("\n  +984 more\n"));
  EXPECT_TRUE(std::none_of(text.begin(), text.end(),
                           [](unsigned char c) { return c < 0x20 && c != '\n'; }));
}

TEST(InventoryText, OfTheSystemShowsTheWorstParents) {
  SystemInventory inventory;
  inventory.threaded = 12;
  inventory.forked = 34;
  inventory.parents = {{process(29302, "python3", 8), 3, 2}, {process(7, "apache2", 27), 5, 0}};
  inventory.parents_total = 3;
  inventory.orphans = 1;
  const std::string text = inventory_text(inventory);
  EXPECT_EQ(text, R"(12 processes with more than one thread; they have 34 forked children
  1 forked process whose parent has ended
    PARENT  NAME              THREADS  CHILDREN   WAIT FOR A LOCK
     29302  python3                 8         3                 2
         7  apache2                27         5                 0
  +1 more
)");
  expect_narrow(text);
  EXPECT_EQ(inventory_text(SystemInventory{}),
            "no processes with more than one thread; they have no forked children\n");
}

TEST(ActivityText, IsAnotherForEach) {
  std::set<std::string> texts;
  for (int i = 0; i <= static_cast<int>(Activity::waits); ++i)
    EXPECT_TRUE(texts.insert(activity_text(static_cast<Activity>(i))).second) << i;
}

} // namespace
} // namespace forkmon
