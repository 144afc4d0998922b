// SPDX-License-Identifier: MIT
#include "elf/site_planner.h"

#include "elf/disassembly.h"
#include "elf/elf_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include <initializer_list>
#include <random>

namespace forkmon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t vaddr = 0x98ef0;

std::vector<std::byte> code(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (int value : values)
    bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> bytes;
  for (std::uint32_t value : values)
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<std::byte>(value >> shift));
  return bytes;
}

SitePlan plan_x86(std::initializer_list<int> values) {
  return plan_site(code(values), vaddr, Machine::x86_64);
}

SitePlan plan_arm64(std::initializer_list<std::uint32_t> values) {
  return plan_site(words(values), vaddr, Machine::arm64);
}

TEST(SitePlannerX86, TakesAPushAtTheEntry) {
  SitePlan plan = plan_x86({0x53, 0x48, 0x89, 0xfb, 0x5b, 0xc3}); // push rbx; mov; pop; ret
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_TRUE(plan.is_emulated);
  EXPECT_TRUE(plan.can_probe);
  EXPECT_EQ(plan.instruction, "push rbx");
}

TEST(SitePlannerX86, TakesAPushOfAHighRegister) {
  SitePlan plan = plan_x86({0x41, 0x57, 0x41, 0x5f, 0xc3}); // push r15; pop r15; ret
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_TRUE(plan.is_emulated);
}

TEST(SitePlannerX86, TakesTheBranchAfterATest) {
  // glibc's free: test rdi, rdi; je +2; xor eax, eax; ret
  SitePlan plan = plan_x86({0x48, 0x85, 0xff, 0x74, 0x02, 0x31, 0xc0, 0xc3});
  EXPECT_EQ(plan.offset, 3u);
  EXPECT_TRUE(plan.is_emulated);
  EXPECT_THAT(plan.instruction, HasSubstr("je"));
}

TEST(SitePlannerX86, TakesANearBranch) {
  // test rdi, rdi; je +0x100; ret
  SitePlan plan = plan_x86({0x48, 0x85, 0xff, 0x0f, 0x84, 0x00, 0x01, 0x00, 0x00, 0xc3});
  EXPECT_EQ(plan.offset, 3u);
  EXPECT_TRUE(plan.is_emulated);
}

TEST(SitePlannerX86, SkipsEndbrForThePush) {
  SitePlan plan = plan_x86({0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x5d, 0xc3}); // endbr64; push rbp; …
  EXPECT_EQ(plan.offset, 4u);
  EXPECT_EQ(plan.instruction, "push rbp");
}

TEST(SitePlannerX86, SkipsASingleSteppedPrologue) {
  // sub rsp, 8; mov rdi, rsi; jmp +0x20
  SitePlan plan = plan_x86({0x48, 0x83, 0xec, 0x08, 0x48, 0x89, 0xf7, 0xeb, 0x20});
  EXPECT_EQ(plan.offset, 7u);
  EXPECT_TRUE(plan.is_emulated);
}

TEST(SitePlannerX86, TakesTheOneByteNopOnly) {
  EXPECT_TRUE(plan_x86({0x90, 0xc3}).is_emulated);
  SitePlan long_nop = plan_x86({0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3});
  EXPECT_FALSE(long_nop.is_emulated);
  EXPECT_TRUE(long_nop.can_probe);
}

TEST(SitePlannerX86, GoesNoFurtherThanTheFirstBranch) {
  // xor eax, eax; ret; push rbx
  SitePlan plan = plan_x86({0x31, 0xc0, 0xc3, 0x53});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_THAT(plan.reason, HasSubstr("before the first branch"));
}

TEST(SitePlannerX86, LeavesCallsAlone) {
  // sub rsp, 8; call +0: emulating it kills processes with a shadow stack on 6.6 to 6.17
  SitePlan plan = plan_x86({0x48, 0x83, 0xec, 0x08, 0xe8, 0, 0, 0, 0, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_TRUE(plan.can_probe);
}

TEST(SitePlannerX86, GoesNoFurtherThanASystemCall) {
  // glibc's vfork: pop rdi; mov eax, 58; syscall; push rdi; ret. The child returns there, too.
  SitePlan plan = plan_x86({0x5f, 0xb8, 0x3a, 0, 0, 0, 0x0f, 0x05, 0x57, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
}

TEST(SitePlannerX86, TakesTheEntryOfAFunctionThatJumpsToItsStart) {
  // xor eax, eax; push rbx; jmp start
  SitePlan plan = plan_x86({0x31, 0xc0, 0x53, 0xeb, 0xfb});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_THAT(plan.reason, HasSubstr("jumps back to its start"));
}

TEST(SitePlannerX86, RecursionIsNoLoop) {
  // xor eax, eax; push rbx; call start; pop rbx; ret
  SitePlan plan = plan_x86({0x31, 0xc0, 0x53, 0xe8, 0xf8, 0xff, 0xff, 0xff, 0x5b, 0xc3});
  EXPECT_EQ(plan.offset, 2u);
  EXPECT_TRUE(plan.is_emulated);
}

TEST(SitePlannerX86, TakesNothingThatALoopPasses) {
  // xor eax, eax; L: dec edi; jne L; ret
  SitePlan loop_before = plan_x86({0x31, 0xc0, 0xff, 0xcf, 0x75, 0xfc, 0xc3});
  EXPECT_EQ(loop_before.offset, 0u);
  EXPECT_FALSE(loop_before.is_emulated);
  EXPECT_THAT(loop_before.reason, HasSubstr("branch leads back"));
  // xor eax, eax; L: nop; nop; loop L
  EXPECT_EQ(plan_x86({0x31, 0xc0, 0x90, 0x90, 0xe2, 0xfc, 0xc3}).offset, 0u);
}

TEST(SitePlannerX86, ALoopBehindTheSiteDoesNoHarm) {
  // push rbx; L: dec edi; jne L; pop rbx; ret
  SitePlan plan = plan_x86({0x53, 0xff, 0xcf, 0x75, 0xfc, 0x5b, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_TRUE(plan.is_emulated);
}

TEST(SitePlannerX86, TakesNothingThatABranchEntersInTheMiddle) {
  // mov eax, 0x90909090; je +3; jmp into the mov; nop…
  SitePlan plan = plan_x86({0xb8, 0x90, 0x90, 0x90, 0x90, 0x74, 0x02, 0xeb, 0xf8, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
}

TEST(SitePlannerX86, WithAJumpTableTakesAPushOnly) {
  // xor eax, eax; je +2; jmp rdx; ret
  SitePlan plan = plan_x86({0x31, 0xc0, 0x74, 0x02, 0xff, 0xe2, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_THAT(plan.reason, HasSubstr("jump table"));
  // xor eax, eax; push rbx; jmp rdx
  EXPECT_EQ(plan_x86({0x31, 0xc0, 0x53, 0xff, 0xe2}).offset, 2u);
}

TEST(SitePlannerX86, TakesTheEntryOfData) {
  SitePlan plan = plan_x86({0x06, 0x07, 0x0e, 0x16}); // no instruction in 64-bit mode
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_EQ(plan.instruction, "");
  EXPECT_THAT(plan.reason, HasSubstr("not code"));
}

TEST(SitePlannerX86, TakesTheEntryWhereDataFollows) {
  // xor eax, eax; je +1; (no instruction); ret
  SitePlan plan = plan_x86({0x31, 0xc0, 0x74, 0x01, 0x06, 0xc3});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_THAT(plan.reason, HasSubstr("could be decoded"));
}

TEST(SitePlannerX86, TakesTheEntryOfACutFunction) {
  SitePlan plan = plan_x86({0x31, 0xc0, 0x0f, 0x84, 0x00}); // xor eax, eax; half a je
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  SitePlan empty = plan_x86({});
  EXPECT_EQ(empty.offset, 0u);
  EXPECT_TRUE(empty.can_probe);
}

TEST(SitePlannerX86, LeavesAnEntryThatTheKernelRefuses) {
  // lock inc dword ptr [rdi]; xor eax, eax; ret
  SitePlan plan = plan_x86({0xf0, 0xff, 0x07, 0x31, 0xc0, 0xc3});
  EXPECT_EQ(plan.offset, 3u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_TRUE(plan.can_probe);
  // syscall; ud2
  EXPECT_FALSE(plan_x86({0x0f, 0x05, 0x0f, 0x0b}).can_probe);
}

TEST(SitePlannerX86, IsNotFooledByVexOpcodes) {
  // vmovdqa [rdi], ymm0 has the opcode of jg; then ret
  SitePlan plan = plan_x86({0xc5, 0xfd, 0x7f, 0x07, 0xc3});
  EXPECT_EQ(plan.offset, 4u);
  EXPECT_FALSE(plan.is_emulated);
}

TEST(SitePlannerX86, IsNotFooledByPrefixes) {
  EXPECT_EQ(plan_x86({0x66, 0x90, 0xc3}).offset, 2u); // refused by 6.1
  EXPECT_EQ(plan_x86({0x49, 0x90, 0xc3}).offset, 2u); // xchg r8, rax
  SitePlan short_push = plan_x86({0x66, 0x53, 0xc3}); // push bx: single-stepped
  EXPECT_EQ(short_push.offset, 0u);
  EXPECT_FALSE(short_push.is_emulated);
}

TEST(SitePlannerX86, RefusesHugeFunctions) {
  std::vector<std::byte> nops(max_function_size + 1, std::byte{0x90});
  SitePlan plan = plan_site(nops, vaddr, Machine::x86_64);
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
}

TEST(SitePlannerArm64, TakesSimulatedInstructionsOnly) {
  // stp x29, x30, [sp, #-16]!; adrp x0, 0; ret
  SitePlan plan = plan_arm64({0xa9bf7bfd, 0x90000000, 0xd65f03c0});
  EXPECT_EQ(plan.offset, 4u);
  EXPECT_TRUE(plan.is_emulated);
  EXPECT_THAT(plan.instruction, HasSubstr("adrp"));
}

TEST(SitePlannerArm64, TakesBranches) {
  EXPECT_EQ(plan_arm64({0xaa0003f3, 0xb4000040, 0xd503201f, 0xd65f03c0}).offset, 4u); // mov; cbz
  EXPECT_EQ(plan_arm64({0xaa0003f3, 0x36000040, 0xd503201f, 0xd65f03c0}).offset, 4u); // mov; tbz
  EXPECT_EQ(plan_arm64({0xeb01001f, 0x54000040, 0xd503201f, 0xd65f03c0}).offset, 4u); // cmp; b.eq
  EXPECT_EQ(plan_arm64({0xd503245f, 0x14000100}).offset, 4u);                         // bti c; b
  EXPECT_EQ(plan_arm64({0xaa0003f3, 0xd65f03c0}).offset, 4u);                         // mov; ret
}

TEST(SitePlannerArm64, TakesNothingThatALoopPasses) {
  // mov x19, x0; L: sub x0, x0, #1; cbnz x0, L; ret
  SitePlan plan = plan_arm64({0xaa0003f3, 0xd1000400, 0xb5ffffe0, 0xd65f03c0});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
  EXPECT_THAT(plan.reason, HasSubstr("branch leads back"));
}

TEST(SitePlannerArm64, GoesNoFurtherThanASystemCall) {
  // mov x8, #220; svc #0; ret
  SitePlan plan = plan_arm64({0xd2801b88, 0xd4000001, 0xd65f03c0});
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_FALSE(plan.is_emulated);
}

TEST(SitePlannerArm64, WithAnIndirectJumpTakesTheEntry) {
  SitePlan plan = plan_arm64({0xaa0003f3, 0x90000000, 0xd61f0200}); // mov; adrp; br x16
  EXPECT_EQ(plan.offset, 0u);
  EXPECT_TRUE(plan.can_probe);
}

TEST(SitePlannerArm64, LeavesAnEntryThatTheKernelRefuses) {
  EXPECT_EQ(plan_arm64({0x58000040, 0xd65f03c0}).offset, 4u); // ldr x0, literal; ret
  EXPECT_EQ(plan_arm64({0xc85f7c00, 0xd65f03c0}).offset, 4u); // ldxr; ret
  EXPECT_EQ(plan_arm64({0xd503205f, 0xd65f03c0}).offset, 4u); // wfe; ret
}

TEST(DirectCallTargets, AreCallsAndJumpsOut) {
  // call +0x10; call +0x10 again; je +0x40 (out, but no tail call); jmp +0x100
  auto bytes = code({0xe8, 0x10, 0, 0, 0, 0xe8, 0x0b, 0, 0, 0, 0x74, 0x40, 0xe9, 0, 1, 0, 0});
  EXPECT_THAT(direct_call_targets(bytes, 0x1000, Machine::x86_64), ElementsAre(0x1015, 0x1111));
  EXPECT_THAT(direct_call_targets({}, 0x1000, Machine::x86_64), IsEmpty());
}

TEST(DirectCallTargets, GoBackwards) {
  auto bytes =
      code({0xe8, 0xfb, 0xef, 0xff, 0xff, 0xff, 0xd0, 0xc3}); // call -0x1005; call rax; ret
  EXPECT_THAT(direct_call_targets(bytes, 0x2000, Machine::x86_64), ElementsAre(0x1000));
  auto arm = words({0x97fffffe, 0xd65f03c0}); // bl -8; ret
  EXPECT_THAT(direct_call_targets(arm, 0x2000, Machine::arm64), ElementsAre(0x1ff8));
}

/// Any bytes at all give a plan that lies in the function.
TEST(SitePlanner, SurvivesNoise) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::vector<std::byte> noise(random() % 64);
    for (std::byte& byte : noise)
      byte = static_cast<std::byte>(random());
    for (Machine machine : {Machine::x86_64, Machine::arm64}) {
      SitePlan plan = plan_site(noise, random(), machine);
      EXPECT_TRUE(plan.offset == 0 || plan.offset < noise.size());
      EXPECT_LE(direct_call_targets(noise, random(), machine).size(), noise.size());
    }
  }
}

constexpr std::string_view catalogue_like[] = {
    "malloc",     "free",         "calloc",       "realloc",      "posix_memalign", "exit",
    "setenv",     "unsetenv",     "putenv",       "fopen",        "fclose",         "printf",
    "fprintf",    "vfprintf",     "puts",         "fputs",        "fwrite",         "fread",
    "fflush",     "getaddrinfo",  "getpwnam",     "syslog",       "localtime",      "localtime_r",
    "mktime",     "tzset",        "strftime",     "random",       "srandom",        "popen",
    "system",     "opendir",      "readdir",      "closedir",     "dlopen",         "dlsym",
    "iconv_open", "setlocale",    "qsort",        "__cxa_atexit", "pthread_create", "gethostbyname",
    "rand",       "pthread_once", "getservbyname"};

std::string libc_path() {
  Dl_info info{};
  dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &info);
  return info.dli_fname ? info.dli_fname : "";
}

/// Is `offset` where an instruction starts, and are all before it such that control falls through?
bool is_reached_straight(const std::vector<std::byte>& bytes, std::uint64_t offset) {
  bool is_straight = true;
  bool is_reached = false;
  disassemble(bytes, 0, native_machine(), [&](std::size_t at, std::size_t, const Instruction& i) {
    is_reached = is_reached || (is_straight && at == offset);
    is_straight = is_straight && i.flow == Flow::next;
  });
  return is_reached;
}

TEST(SitePlanner, PlansForTheInstalledLibc) {
  auto libc = ElfFile::open(libc_path());
  ASSERT_TRUE(libc) << libc.error().message;
  auto functions = libc->find(catalogue_like);
  ASSERT_GE(functions.size(), 40u);
  std::size_t emulated = 0;
  for (const FunctionSymbol& function : functions) {
    auto bytes = libc->read(function.file_offset, function.size);
    ASSERT_TRUE(bytes) << function.name;
    SitePlan plan = plan_site(*bytes, function.vaddr);
    EXPECT_TRUE(plan.can_probe) << function.name;
    EXPECT_LT(plan.offset, function.size) << function.name;
    EXPECT_TRUE(is_reached_straight(*bytes, plan.offset)) << function.name << plan.instruction;
    emulated += plan.is_emulated;
  }
#if defined(__x86_64__)
  EXPECT_GE(emulated * 10, functions.size() * 8) << "most have a push or a branch to stand on";
#endif
}

TEST(SitePlanner, FindsWhatMallocCalls) {
  constexpr std::string_view name = "malloc";
  auto libc = ElfFile::open(libc_path());
  ASSERT_TRUE(libc);
  auto malloc_symbol = libc->find({&name, 1});
  ASSERT_FALSE(malloc_symbol.empty());
  auto bytes = libc->read(malloc_symbol[0].file_offset, malloc_symbol[0].size);
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(direct_call_targets(*bytes, malloc_symbol[0].vaddr).empty());
}

} // namespace
} // namespace forkmon
