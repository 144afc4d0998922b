// SPDX-License-Identifier: MIT
#include "symbols/unwinder.h"

#include "child_process.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <alloca.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

// A chain of functions as a distribution's compiler makes them: no frame pointer, no inlining. What
// follows each call keeps it from becoming a jump.
#define CHAIN_FUNCTION extern "C" __attribute__((noinline, noclone, optimize("omit-frame-pointer")))
#define KEEP_FRAME asm volatile("" ::: "memory")

namespace {
pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
forkmon::StackSnapshot* snapshot_target = nullptr;
} // namespace

CHAIN_FUNCTION void chain_inner_pause() {
  pause();
  KEEP_FRAME;
}
CHAIN_FUNCTION void chain_inner_lock() {
  pthread_mutex_lock(&held);
  KEEP_FRAME;
}
CHAIN_FUNCTION void chain_inner_snapshot() {
  ucontext_t context;
  getcontext(&context);
  auto& registers = snapshot_target->registers;
  const auto& from = context.uc_mcontext.gregs;
  registers.set_pc(static_cast<std::uint64_t>(from[REG_RIP]));
  registers.set_sp(static_cast<std::uint64_t>(from[REG_RSP]));
  registers.set(6, static_cast<std::uint64_t>(from[REG_RBP]));
  registers.set(3, static_cast<std::uint64_t>(from[REG_RBX]));
  for (int i = 0; i < 4; ++i)
    registers.set(12 + i, static_cast<std::uint64_t>(from[REG_R12 + i]));
  snapshot_target->stack.resize(4096);
  forkmon::ProcessMemory(getpid()).read(*registers.sp(), snapshot_target->stack);
  KEEP_FRAME;
}
CHAIN_FUNCTION void chain_middle(void (*inner)()) {
  volatile char room[200] = {};
  inner();
  asm volatile("" ::"r"(room) : "memory");
}
CHAIN_FUNCTION void chain_outer(void (*inner)()) {
  chain_middle(inner);
  KEEP_FRAME;
}
// A frame of variable size is found through rbp, which /proc does not tell. It is filled, as what
// others left there can look like a caller.
CHAIN_FUNCTION void chain_variable(void (*inner)(), std::size_t size) {
  auto* room = static_cast<volatile char*>(alloca(size));
  for (std::size_t i = 0; i < size; i++)
    room[i] = 1;
  chain_outer(inner);
  room[size - 1] = 1;
  KEEP_FRAME;
}
CHAIN_FUNCTION void chain_start(void (*inner)()) {
  volatile std::size_t size = 333;
  chain_variable(inner, size);
  KEEP_FRAME;
}
CHAIN_FUNCTION void chain_on_signal(int) {
  pause();
  KEEP_FRAME;
}

namespace forkmon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const Stack& stack, const std::string& prefix) {
  std::vector<std::string> result;
  for (const auto& frame : stack.frames)
    if (frame.function.starts_with(prefix))
      result.push_back(frame.function);
  return result;
}

class UnwinderTest : public testing::Test {
protected:
  Symbolizer symbolizer_{Symbolizer::Options{}};
};

TEST_F(UnwinderTest, UnwindsALiveChildInPause) {
  const auto child = ChildProcess::running([] { chain_outer(chain_inner_pause); });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  const auto inner = std::ranges::find(stack.frames, "chain_inner_pause", &Frame::function);
  ASSERT_GE(std::distance(inner, stack.frames.end()), 4) << stack.note;
  ASSERT_NE(inner, stack.frames.begin());
  EXPECT_THAT(inner[-1].function, HasSubstr("pause")); // glibc 2.41 has frames of its own within
  EXPECT_THAT(stack.frames[0].module, HasSubstr("libc.so.6"));
  EXPECT_EQ(inner[1].function, "chain_middle");
  EXPECT_EQ(inner[2].function, "chain_outer");
  EXPECT_THAT(inner->module, HasSubstr("symbols_test"));
  EXPECT_THAT(inner->source, HasSubstr("unwinder_test.cpp:"));
  EXPECT_EQ(stack.frames.back().function, "_start");
  EXPECT_THAT(names(stack, "__libc_start_main"), ElementsAre("__libc_start_main"));
}

TEST_F(UnwinderTest, UnwindsALiveChildInADeadlock) {
  ASSERT_EQ(pthread_mutex_lock(&held), 0);
  const auto child = ChildProcess::running([] { chain_outer(chain_inner_lock); });
  ASSERT_EQ(pthread_mutex_unlock(&held), 0);
  ASSERT_TRUE(child.wait_for_syscall(SYS_futex));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  EXPECT_THAT(names(stack, "pthread_mutex_lock"), ElementsAre("pthread_mutex_lock")) << stack.note;
  EXPECT_THAT(names(stack, "chain_"),
              ElementsAre("chain_inner_lock", "chain_middle", "chain_outer"));
}

TEST_F(UnwinderTest, GuessesTheCallerOfAFrameOfVariableSize) {
  const auto child = ChildProcess::running([] { chain_start(chain_inner_pause); });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  EXPECT_THAT(names(stack, "chain_"), ElementsAre("chain_inner_pause", "chain_middle",
                                                  "chain_outer", "chain_variable", "chain_start"))
      << stack.note;
  EXPECT_EQ(stack.frames.back().function, "_start") << stack.note;
#ifndef __SANITIZE_ADDRESS__ // the sanitizer saves rbp in each frame, so that nothing is left to
                             // guess
  EXPECT_THAT(stack.note, HasSubstr("guessed"));
#endif
}

TEST_F(UnwinderTest, UnwindsThroughASignalHandler) {
  const auto child = ChildProcess::running([] {
    signal(SIGUSR1, chain_on_signal);
    chain_outer([] {
      raise(SIGUSR1);
      KEEP_FRAME;
    });
  });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  EXPECT_THAT(names(stack, "chain_"), ElementsAre("chain_on_signal", "chain_middle", "chain_outer"))
      << stack.note;
  EXPECT_THAT(names(stack, "raise"), ElementsAre("raise"));
}

TEST_F(UnwinderTest, UnwindsASnapshotOfAVariableFrameExactly) {
  StackSnapshot snapshot;
  snapshot_target = &snapshot;
  chain_start(chain_inner_snapshot);
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  const auto stack = symbolizer_.unwind(snapshot, *space);
  EXPECT_THAT(names(stack, "chain_"), ElementsAre("chain_inner_snapshot", "chain_middle",
                                                  "chain_outer", "chain_variable", "chain_start"));
  EXPECT_THAT(stack.note, testing::Not(HasSubstr("guessed")));
}

TEST_F(UnwinderTest, PrintsWhatAStackCosts) {
  StackSnapshot snapshot;
  snapshot_target = &snapshot;
  chain_start(chain_inner_snapshot);
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  const auto time = [&] {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(symbolizer_.unwind(snapshot, *space).frames.empty());
    const auto duration = std::chrono::steady_clock::now() - begin;
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  };
  const auto first = time();
  auto cached = time();
  for (int i = 0; i < 9; ++i)
    cached = std::min(cached, time());
  std::cout << "first stack: " << first << " us; with modules cached, best of ten: " << cached
            << " us for " << symbolizer_.unwind(snapshot, *space).frames.size() << " frames\n";
}

TEST_F(UnwinderTest, SnapshotOfAProcessThatIsGoneIsResolvedThroughPreloadedModules) {
  StackSnapshot snapshot;
  AddressSpace space;
  {
    const auto child = ChildProcess::running([] { chain_outer(chain_inner_pause); });
    ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
    const auto registers = registers_of_waiting(child.pid(), child.pid());
    ASSERT_TRUE(registers);
    snapshot.registers = *registers;
    snapshot.stack.resize(1024);
    ProcessMemory memory(child.pid());
    ASSERT_TRUE(memory.read(*registers->sp(), snapshot.stack));
    auto read = AddressSpace::of(child.pid());
    ASSERT_TRUE(read);
    space = *std::move(read);
    symbolizer_.preload(space);
  }
  const auto stack = symbolizer_.unwind(snapshot, space);
  EXPECT_THAT(names(stack, "chain_"),
              ElementsAre("chain_inner_pause", "chain_middle", "chain_outer"));
}

TEST_F(UnwinderTest, FramesAreBounded) {
  Symbolizer small(Symbolizer::Options{.max_modules = 8, .max_frames = 2});
  const auto child = ChildProcess::running([] { chain_outer(chain_inner_pause); });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = small.unwind_live(child.pid(), child.pid());
  EXPECT_EQ(stack.frames.size(), 2U);
  EXPECT_THAT(stack.note, HasSubstr("innermost 2 frames"));
}

TEST_F(UnwinderTest, AStackPointerIntoNowhereLeavesTheInnermostFrame) {
  const auto child = ChildProcess::running([] {
    // The kernel does not look at the stack pointer of a system call without a stack.
    asm volatile("mov $0xdead0000, %%rsp\n\tmov %0, %%eax\n\tsyscall" ::"i"(SYS_pause));
  });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  ASSERT_EQ(stack.frames.size(), 1U);
  EXPECT_THAT(stack.frames[0].module, HasSubstr("symbols_test"));
  EXPECT_NE(stack.note, "");
}

TEST_F(UnwinderTest, APcInNoMappingIsSaid) {
  StackSnapshot snapshot;
  snapshot.registers.set_pc(0x10);
  snapshot.registers.set_sp(0x2000);
  const auto stack = symbolizer_.unwind(snapshot, AddressSpace::parse(""));
  ASSERT_EQ(stack.frames.size(), 1U);
  EXPECT_EQ(stack.frames[0].offset, 0x10U);
  EXPECT_EQ(stack.frames[0].module, "");
  EXPECT_THAT(stack.note, HasSubstr("not in executable memory"));
}

TEST_F(UnwinderTest, NoRegistersAtAllIsNoCrash) {
  EXPECT_EQ(symbolizer_.unwind({}, AddressSpace::parse("")).frames.size(), 1U);
}

TEST_F(UnwinderTest, AProcessThatIsGoneOrRunsIsSaid) {
  const auto gone = symbolizer_.unwind_live(0x7ffffff0, 0x7ffffff0);
  EXPECT_TRUE(gone.frames.empty());
  EXPECT_NE(gone.note, "");
  const auto child = ChildProcess::running([] {
    for (;;)
      KEEP_FRAME;
  });
  const auto running = symbolizer_.unwind_live(child.pid(), child.pid());
  EXPECT_TRUE(running.frames.empty());
  EXPECT_THAT(running.note, HasSubstr("runs"));
}

TEST_F(UnwinderTest, AStackOfGarbageEnds) {
  StackSnapshot snapshot;
  snapshot_target = &snapshot;
  chain_outer(chain_inner_snapshot);
  const auto space = AddressSpace::of(getpid());
  ASSERT_TRUE(space);
  // Every slot returns to the same place: the walk is long, and ends with the copy of the stack.
  const std::uint64_t pc = *snapshot.registers.pc();
  for (std::size_t i = 0; i + 8 <= snapshot.stack.size(); i += 8)
    std::memcpy(&snapshot.stack[i], &pc, sizeof pc);
  const auto stack = symbolizer_.unwind(snapshot, *space);
  EXPECT_LE(stack.frames.size(), 64U);
  EXPECT_NE(stack.note, "");
  snapshot.stack.clear();
  const auto none = symbolizer_.unwind(snapshot, *space);
  EXPECT_EQ(none.frames.size(), 1U);
  EXPECT_THAT(none.note, HasSubstr("cannot be read"));
}

TEST_F(UnwinderTest, NamesJitCode) {
  const auto child = ChildProcess::running([] {
    auto* code = static_cast<unsigned char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    // push rbp; mov rbp, rsp; mov eax, SYS_pause; syscall; pop rbp; ret
    constexpr unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xb8, SYS_pause, 0,
                                       0,    0,    0x0f, 0x05, 0x5d, 0xc3};
    std::memcpy(code, kCode, sizeof kCode);
    auto* map = fopen(fmt::format("/tmp/perf-{}.map", getpid()).c_str(), "w");
    fprintf(map, "%lx 10 jitted pause\n", reinterpret_cast<unsigned long>(code));
    fclose(map);
    chain_outer(reinterpret_cast<void (*)()>(code));
  });
  ASSERT_TRUE(child.wait_for_syscall(SYS_pause));
  const auto stack = symbolizer_.unwind_live(child.pid(), child.pid());
  unlink(fmt::format("/tmp/perf-{}.map", child.pid()).c_str());
  ASSERT_FALSE(stack.frames.empty());
  EXPECT_EQ(stack.frames[0].function, "jitted pause");
  EXPECT_THAT(names(stack, "chain_"), ElementsAre("chain_middle", "chain_outer")) << stack.note;
}

} // namespace
} // namespace forkmon
