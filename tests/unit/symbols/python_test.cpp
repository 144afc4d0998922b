// SPDX-License-Identifier: MIT
#include "process/proc.h"
#include "symbols/python.h"

#include "child_process.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

namespace forkmon {
namespace {

using testing::HasSubstr;

// The numbers in the comments are those that a traceback must show.
constexpr const char* kScript = R"(import os
import threading
lock = threading.Lock()


class Worker:
    def run(self, deep):
        if deep:
            return self.run(deep - 1)  # 9
        inner()  # 10


def inner():
    lock.acquire()
    values = [1,
              2,
              lock.acquire()]  # 17
    return values


def start():
    pid = os.fork()
    if pid == 0:
        Worker().run(2)  # 24
    os.waitpid(pid, 0)  # 25


if os.environ.get("IN_THREAD"):
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
else:
    start()  # 33
)";

/// Interpreters of other versions are tested where a developer has them.
std::vector<std::string> interpreters() {
  std::vector<std::string> found{"/usr/bin/python3"};
  std::error_code none;
  const auto* home = getenv("HOME");
  const auto versions = std::string(home != nullptr ? home : "") + "/.pyenv/versions";
  for (const auto& entry : std::filesystem::directory_iterator(versions, none))
    for (const auto* minor : {"3.9", "3.10", "3.11", "3.12", "3.13", "3.14"})
      if (std::filesystem::exists(entry.path() / "bin" / (std::string("python") + minor)))
        found.push_back(entry.path() / "bin" / (std::string("python") + minor));
  return found;
}

pid_t first_child_of(pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    for (const auto& task :
         std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
      const auto children = read_proc_file(task.path() / "children", 4096);
      if (children && !children->empty())
        return std::stoi(*children);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return 0;
}

bool waits_in(long syscall, pid_t pid) {
  for (int i = 0; i < 1000; ++i) {
    const auto text = read_proc_file(fmt::format("/proc/{}/syscall", pid), 4096);
    if (text && text->starts_with(fmt::format("{} ", syscall)))
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool waits_in_futex(pid_t pid) {
  return waits_in(SYS_futex, pid);
}

class LivePython : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { std::ofstream(script_) << kScript; }
  void TearDown() override { std::filesystem::remove(script_); }

  PythonTraceback traceback_of_stuck_child() {
    ChildProcess parent = ChildProcess::executing({GetParam(), script_});
    const pid_t child = first_child_of(parent.pid());
    EXPECT_TRUE(waits_in_futex(child));
    auto traceback = python_traceback(modules_, child, child);
    kill(child, SIGKILL);
    return traceback;
  }

  /// What is expected of each frame: a part of its name, and its line.
  void expect_frames(const PythonTraceback& traceback,
                     const std::vector<std::pair<std::string, int>>& expected) {
    ASSERT_GE(traceback.frames.size(), expected.size()) << traceback.version << traceback.note;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_THAT(traceback.frames[i].function, HasSubstr(expected[i].first));
      EXPECT_EQ(traceback.frames[i].source, fmt::format("{}:{}", script_, expected[i].second));
    }
  }

  std::string script_ = fmt::format("/tmp/forkmon-python-{}.py", getpid());
  ModuleCache modules_{64};
};

TEST_P(LivePython, TracebackOfAStuckChild) {
  const auto traceback = traceback_of_stuck_child();
  expect_frames(
      traceback,
      {{"inner", 17}, {"run", 10}, {"run", 9}, {"run", 9}, {"start", 24}, {"<module>", 33}});
  EXPECT_EQ(traceback.frames.size(), 6U);
  EXPECT_EQ(traceback.note, "");
  const auto& path = GetParam();
  if (const auto name = path.rfind("python3."); name != std::string::npos) {
    EXPECT_EQ(traceback.version, path.substr(name + 6));
  }
}

TEST_P(LivePython, TracebackOfAChildOfAThread) {
  setenv("IN_THREAD", "1", 1);
  const auto traceback = traceback_of_stuck_child();
  unsetenv("IN_THREAD");
  expect_frames(traceback, {{"inner", 17}, {"run", 10}, {"run", 9}, {"run", 9}, {"start", 24}});
  ASSERT_GT(traceback.frames.size(), 5U);
  EXPECT_THAT(traceback.frames.back().source, HasSubstr("threading.py:"));
}

TEST_P(LivePython, TracebackOfEachThreadOfTheParent) {
  setenv("IN_THREAD", "1", 1);
  ChildProcess parent = ChildProcess::executing({GetParam(), script_});
  unsetenv("IN_THREAD");
  const pid_t child = first_child_of(parent.pid());
  ASSERT_TRUE(waits_in_futex(child));
  std::vector<std::string> last_frames;
  for (const auto& task :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", parent.pid()))) {
    const pid_t tid = std::stoi(task.path().filename());
    ASSERT_TRUE(waits_in(tid == parent.pid() ? SYS_futex : SYS_wait4, tid)) << "or its frames move";
    const auto traceback = python_traceback(modules_, parent.pid(), tid);
    ASSERT_FALSE(traceback.frames.empty()) << traceback.note;
    last_frames.push_back(traceback.frames.back().function + traceback.frames.back().source);
    if (traceback.frames[0].function == "start") {
      EXPECT_EQ(traceback.frames[0].source, script_ + ":25");
    }
  }
  kill(child, SIGKILL);
  EXPECT_THAT(last_frames,
              testing::UnorderedElementsAre(HasSubstr("<module>"), HasSubstr("threading.py")));
}

TEST_P(LivePython, TellsAWithStatementFromACallOfAcquire) {
  EXPECT_FALSE(traceback_of_stuck_child().enters_with);
  std::ofstream(script_) << R"(import os, threading
lock = threading.Lock()
lock.acquire()
if os.fork() == 0:
    with lock:
        pass
os.wait()
)";
  const auto traceback = traceback_of_stuck_child();
  expect_frames(traceback, {{"<module>", 5}});
  EXPECT_TRUE(traceback.enters_with);
}

INSTANTIATE_TEST_SUITE_P(Interpreters, LivePython, testing::ValuesIn(interpreters()));

TEST(Python, OtherProcessesAreNotPython) {
  ModuleCache modules(8);
  const auto child = ChildProcess::running([] { pause(); });
  const auto traceback = python_traceback(modules, child.pid(), child.pid());
  EXPECT_EQ(traceback.version, "");
  EXPECT_EQ(traceback.note, "");
  EXPECT_TRUE(traceback.frames.empty());
}

TEST(Python, AProcessThatIsGoneIsSaid) {
  ModuleCache modules(8);
  EXPECT_NE(python_traceback(modules, 0x7ffffff0, 0x7ffffff0).note, "");
}

/// Memory made up word by word; what was not written cannot be read.
class FakeMemory final : public MemoryReader {
public:
  bool read(std::uint64_t address, std::span<std::uint8_t> out) override {
    for (auto& byte : out) {
      const auto known = bytes_.find(address++);
      if (known == bytes_.end())
        return false;
      byte = known->second;
    }
    return true;
  }

  void write(std::uint64_t address, std::span<const std::uint8_t> bytes) {
    for (const auto byte : bytes)
      bytes_[address++] = byte;
  }
  void word(std::uint64_t address, std::uint64_t value) {
    write(address, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }

  /// A str of 3.9: length, state (compact, ascii, one byte a character), characters.
  void ascii(std::uint64_t address, const std::string& text, std::uint64_t length) {
    word(address + 16, length);
    word(address + 32, 1 << 2 | 1 << 5 | 1 << 6);
    write(address + 48, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

private:
  std::map<std::uint64_t, std::uint8_t> bytes_;
};

/// A 3.9 interpreter with one thread and two frames.
class FakePython : public testing::Test {
protected:
  static constexpr std::uint64_t kRuntime = 0x10000;
  static constexpr std::uint64_t kInterpreter = 0x20000;
  static constexpr std::uint64_t kThread = 0x30000;
  static constexpr std::uint64_t kInner = 0x40000;
  static constexpr std::uint64_t kOuter = 0x50000;
  static constexpr std::uint64_t kCode = 0x60000;
  static constexpr std::uint64_t kName = 0x70000;
  static constexpr std::uint64_t kFile = 0x80000;

  void SetUp() override {
    memory_.word(kRuntime + 32, kInterpreter);
    memory_.word(kInterpreter, 0);
    memory_.word(kInterpreter + 8, kThread);
    memory_.word(kThread + 8, 0);
    memory_.word(kThread + 24, kInner);
    frame(kInner, kOuter);
    frame(kOuter, 0);
    memory_.word(kCode + 40, 7);
    memory_.word(kCode + 104, kFile);
    memory_.word(kCode + 112, kName);
    memory_.ascii(kName, "work", 4);
    memory_.ascii(kFile, "/a.py", 5);
  }

  void frame(std::uint64_t address, std::uint64_t previous) {
    memory_.word(address + 24, previous);
    memory_.word(address + 32, kCode);
    memory_.word(address + 104, 0);
  }

  PythonTraceback walk() { return walk_python(memory_, *python_layout(9), kRuntime, {}); }

  FakeMemory memory_;
};

TEST_F(FakePython, Walks) {
  const auto traceback = walk();
  ASSERT_EQ(traceback.frames.size(), 2U);
  EXPECT_EQ(traceback.frames[0].function, "work");
  EXPECT_EQ(traceback.frames[0].source, "/a.py:7");
  EXPECT_EQ(traceback.note, "");
}

/// struct _Py_DebugOffsets, each word of which is another one's offset: a hundred times its place.
FakeMemory self_description(std::uint64_t version, std::uint64_t free_threaded) {
  FakeMemory memory;
  const std::uint8_t cookie[] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};
  memory.write(0x1000, cookie);
  memory.word(0x1008, version << 16);
  memory.word(0x1010, free_threaded);
  for (std::uint64_t word = 3; word < 100; ++word)
    memory.word(0x1000 + 8 * word, 100 * word);
  return memory;
}

TEST(SelfDescription, IsReadByVersion) {
  auto of_13 = self_description(0x030d, 0);
  auto layout = read_python_layout(of_13, 0x1000);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->minor, 13);
  EXPECT_EQ(layout->runtime_interpreters_head, 500);
  EXPECT_EQ(layout->interpreter_threads_head, 900);
  EXPECT_EQ(layout->thread_frame, 2300);
  EXPECT_EQ(layout->frame_owner, 3300);
  EXPECT_EQ(layout->code_instructions, 4300);

  auto of_14 = self_description(0x030e, 0);
  layout = read_python_layout(of_14, 0x1000);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->minor, 14);
  EXPECT_EQ(layout->interpreter_threads_head, 900);
  EXPECT_EQ(layout->thread_frame, 2600);
  EXPECT_EQ(layout->frame_owner, 3600);
  EXPECT_EQ(layout->code_instructions, 4800);
}

TEST(SelfDescription, IsNotBelievedOfAnotherVersionOrBuild) {
  auto of_15 = self_description(0x030f, 0);
  EXPECT_FALSE(read_python_layout(of_15, 0x1000));
  auto free_threaded = self_description(0x030e, 1);
  EXPECT_FALSE(read_python_layout(free_threaded, 0x1000));
}

TEST_F(FakePython, EndsALoopOfFrames) {
  frame(kOuter, kInner);
  const auto traceback = walk();
  EXPECT_EQ(traceback.frames.size(), 2U);
  EXPECT_THAT(traceback.note, HasSubstr("loop"));
}

TEST_F(FakePython, EndsAnEndlessChainOfFrames) {
  for (std::uint64_t i = 0; i < 1000; ++i)
    frame(0x100000 + i * 0x1000, 0x100000 + (i + 1) * 0x1000);
  memory_.word(kThread + 24, 0x100000);
  const auto traceback = walk();
  EXPECT_EQ(traceback.frames.size(), 128U);
  EXPECT_THAT(traceback.note, HasSubstr("128"));
}

TEST_F(FakePython, EndsALoopOfThreadsAndInterpreters) {
  memory_.word(kThread + 8, kThread);
  memory_.word(kInterpreter, kInterpreter);
  EXPECT_EQ(walk().frames.size(), 2U);
}

TEST_F(FakePython, CutsLongStrings) {
  memory_.ascii(kName, std::string(5000, 'x'), 5000);
  EXPECT_EQ(walk().frames[0].function.size(), 1024U);
}

TEST_F(FakePython, SaysWhatCannotBeRead) {
  memory_.word(kCode + 112, 0xdead0000);
  EXPECT_THAT(walk().note, HasSubstr("cannot be read"));
  memory_.ascii(kName, "cut", std::uint64_t{1} << 60);
  memory_.word(kCode + 112, kName);
  EXPECT_THAT(walk().note, HasSubstr("cannot be read"));
  memory_.word(kThread + 24, 0);
  EXPECT_THAT(walk().note, HasSubstr("no Python code"));
  memory_.word(kInterpreter + 8, 0);
  EXPECT_THAT(walk().note, HasSubstr("no thread"));
}

TEST_F(FakePython, DecodesWideStrings) {
  memory_.word(kName + 16, 2);
  memory_.word(kName + 32, 2 << 2 | 1 << 5);
  const std::uint8_t characters[] = {0xe4, 0x00, 0x2d, 0x4e};
  memory_.write(kName + 72, characters);
  EXPECT_EQ(walk().frames[0].function, "\u00e4\u4e2d");
}

} // namespace
} // namespace forkmon
