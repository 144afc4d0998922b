// SPDX-License-Identifier: MIT
#include "decode/decode.h"

#include "forkmon/wire.h"

#include <gmock/gmock.h>

#include <cstring>
#include <memory>
#include <vector>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// A record byte by byte, as the wire has it: little-endian numbers at fixed offsets.
class Bytes {
public:
  Bytes(std::uint32_t kind, std::size_t size) : bytes_(size) {
    u32(0, kind).u32(4, static_cast<std::uint32_t>(size)).u64(8, 1111);
  }
  Bytes& u32(std::size_t offset, std::uint32_t value) { return put(offset, &value, 4); }
  Bytes& u64(std::size_t offset, std::uint64_t value) { return put(offset, &value, 8); }
  Bytes& text(std::size_t offset, const std::string& value) {
    return put(offset, value.data(), value.size());
  }
  Bytes& child(std::uint32_t flags) {
    return u64(16, 1000)
        .u32(24, 42)
        .u32(28, 41)
        .u64(32, 8'000'000'000)
        .u64(40, 7'654'321'000)
        .u32(48, 7)
        .u32(52, flags);
  }

  /// From memory that ends where the record ends, so that a sanitizer sees a read past it.
  Result<Event> decoded(std::size_t cut = 0) const {
    const std::size_t size = bytes_.size() - cut;
    const auto exact = std::make_unique<std::byte[]>(size);
    std::memcpy(exact.get(), bytes_.data(), size);
    return decode({exact.get(), size});
  }

private:
  Bytes& put(std::size_t offset, const void* value, std::size_t size) {
    std::memcpy(bytes_.data() + offset, value, size);
    return *this;
  }
  std::vector<std::byte> bytes_;
};

constexpr std::size_t fork_size = 192 + 8 * 32;
constexpr std::size_t exe_size = 288;
constexpr std::size_t call_size = 88;
constexpr std::size_t call_stack_size = 376 + 16384;
constexpr std::size_t calls_size = 56 + 4 * 512;
constexpr std::size_t end_size = 96;

void expect_child(const ChildRef& child, bool armed, bool parent_tainted) {
  EXPECT_EQ(child.key.pid, 42u);
  EXPECT_EQ(child.key.fork_time_ns, 1000u);
  EXPECT_EQ(child.parent_pid, 41u);
  EXPECT_EQ(child.start_ticks, 800u);
  EXPECT_EQ(child.parent_start_ticks, 765u);
  EXPECT_EQ(child.parent_threads, 7u);
  EXPECT_EQ(child.armed, armed);
  EXPECT_EQ(child.parent_tainted, parent_tainted);
}

std::string error_of(const Result<Event>& result) {
  return result ? "no error" : result.error().message;
}

TEST(DecodeFork, TakesEveryField) {
  const auto event = Bytes(1, fork_size)
                         .child(1)
                         .u64(56, 5555)
                         .u64(64, 777)
                         .u32(72, 8 << 20 | 1)
                         .u32(76, 1000)
                         .u32(80, 43)
                         .text(88, "python3")
                         .text(104, "worker")
                         .text(120, "python3.11")
                         .u64(184, 0x7f0001)
                         .u64(192, 0x7f0002)
                         .u64(192 + 31 * 8, 0x7f0003)
                         .decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& fork = std::get<ForkEvent>(*event);
  EXPECT_EQ(fork.time_ns, 1111u);
  expect_child(fork.child, true, false);
  EXPECT_EQ(fork.cgroup_id, 5555u);
  EXPECT_EQ(fork.exe_id, (FileId{8 << 20 | 1, 777}));
  EXPECT_EQ(fork.uid, 1000u);
  EXPECT_EQ(fork.parent_tid, 43u);
  EXPECT_EQ(fork.parent_comm, "python3");
  EXPECT_EQ(fork.child_comm, "worker");
  EXPECT_EQ(fork.exe, "python3.11");
  EXPECT_EQ(fork.fork_ip, 0x7f0001u);
  ASSERT_EQ(fork.fork_stack.size(), 32u);
  EXPECT_EQ(fork.fork_stack.front(), 0x7f0002u);
  EXPECT_EQ(fork.fork_stack.back(), 0x7f0003u);
}

TEST(DecodeExe, TakesEveryField) {
  const auto event =
      Bytes(5, exe_size).u64(16, 777).u32(24, 8 << 20 | 1).u32(28, 42).text(32, "/bin/x").decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& exe = std::get<ExeEvent>(*event);
  EXPECT_EQ(exe.exe_id, (FileId{8 << 20 | 1, 777}));
  EXPECT_EQ(exe.pid, 42u);
  EXPECT_EQ(exe.path, "/bin/x");
}

TEST(DecodeExe, BoundsThePathWithoutItsNul) {
  const auto event = Bytes(5, exe_size).text(32, std::string(256, 'p')).decoded();
  ASSERT_TRUE(event) << error_of(event);
  EXPECT_EQ(std::get<ExeEvent>(*event).path, std::string(256, 'p'));
}

TEST(DecodeFork, BoundsNamesWithoutTheirNul) {
  const auto event = Bytes(1, fork_size)
                         .text(88, std::string(16, 'p'))
                         .text(104, std::string(16, 'c'))
                         .text(120, std::string(64, 'e'))
                         .decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& fork = std::get<ForkEvent>(*event);
  EXPECT_EQ(fork.parent_comm, std::string(16, 'p'));
  EXPECT_EQ(fork.child_comm, std::string(16, 'c'));
  EXPECT_EQ(fork.exe, std::string(64, 'e'));
}

TEST(DecodeCall, TakesEveryField) {
  const auto event = Bytes(2, call_size)
                         .child(3)
                         .u64(56, 0x7f0000001234)
                         .u32(64, 511)
                         .u32(68, 44)
                         .text(72, "a\n\x1b\xff")
                         .decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& call = std::get<CallEvent>(*event);
  EXPECT_EQ(call.time_ns, 1111u);
  expect_child(call.child, true, true);
  EXPECT_EQ(call.ip, 0x7f0000001234u);
  EXPECT_EQ(call.function, 511u);
  EXPECT_EQ(call.tid, 44u);
  EXPECT_EQ(call.comm, "a\n\x1b\xff") << "raw bytes are kept: sinks make them fit to show";
}

TEST(DecodeCall, RefusesAFunctionThatCannotBe) {
  EXPECT_THAT(error_of(Bytes(2, call_size).u32(64, 512).decoded()), HasSubstr("function 512"));
  EXPECT_THAT(error_of(Bytes(2, call_size).u32(64, ~0u).decoded()), HasSubstr("function 65535"));
}

TEST(DecodeCall, TellsWhatShowedIt) {
  const std::pair<std::uint32_t, std::size_t> faults[] = {{7, call_size}, {8, call_stack_size}};
  for (const auto& [kind, size] : faults) {
    const auto event = Bytes(kind, size).child(0).u32(64, 3).decoded();
    ASSERT_TRUE(event) << error_of(event);
    EXPECT_EQ(std::get<CallEvent>(*event).evidence, Evidence::page_fault) << kind;
    EXPECT_EQ(std::get<CallEvent>(*event).function, 3u) << kind;
  }
  const std::pair<std::uint32_t, std::size_t> probes[] = {{2, call_size}, {6, call_stack_size}};
  for (const auto& [kind, size] : probes) {
    const auto event = Bytes(kind, size).child(0).decoded();
    ASSERT_TRUE(event) << error_of(event);
    EXPECT_EQ(std::get<CallEvent>(*event).evidence, Evidence::uprobe) << kind;
  }
}

TEST(DecodeCalls, KeepsWhatWasCalled) {
  const auto event = Bytes(3, calls_size)
                         .child(0)
                         .u32(56, 1000)
                         .u32(56 + 4 * 3, 1)
                         .u32(56 + 4 * 511, ~0u)
                         .decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& calls = std::get<CallsEvent>(*event);
  EXPECT_EQ(calls.time_ns, 1111u);
  expect_child(calls.child, false, false);
  EXPECT_THAT(calls.counts, ElementsAre(Pair(0u, 1000u), Pair(3u, 1u), Pair(511u, ~0u)));
}

TEST(DecodeEnd, TakesAnExec) {
  const auto event =
      Bytes(4, end_size).child(2).u64(56, 1001).u32(64, 1).u32(72, 5).text(80, "sh").decoded();
  ASSERT_TRUE(event) << error_of(event);
  const auto& end = std::get<EndEvent>(*event);
  EXPECT_EQ(end.time_ns, 1111u);
  expect_child(end.child, false, true);
  EXPECT_EQ(end.calls, 1001u);
  EXPECT_EQ(end.unresolved_hits, 5u);
  EXPECT_EQ(end.how, EndEvent::How::exec);
  EXPECT_EQ(end.wait_status, 0);
  EXPECT_EQ(end.comm, "sh");
}

TEST(DecodeEnd, TakesAnExit) {
  const auto event = Bytes(4, end_size).u32(64, 2).u32(68, 3 << 8).decoded();
  ASSERT_TRUE(event) << error_of(event);
  EXPECT_EQ(std::get<EndEvent>(*event).how, EndEvent::How::exit);
  EXPECT_EQ(std::get<EndEvent>(*event).wait_status, 3 << 8);
}

TEST(DecodeEnd, RefusesAnOutcomeThatCannotBe) {
  EXPECT_THAT(error_of(Bytes(4, end_size).u32(64, 0).decoded()), HasSubstr("outcome 0"));
  EXPECT_THAT(error_of(Bytes(4, end_size).u32(64, 3).decoded()), HasSubstr("outcome 3"));
}

TEST(Decode, RefusesWhatIsTooShortForAnyRecord) {
  EXPECT_THAT(error_of(decode({})), HasSubstr("0 bytes"));
  for (std::size_t left = 1; left < 16; ++left)
    EXPECT_THAT(error_of(Bytes(1, fork_size).decoded(fork_size - left)), HasSubstr("too short"));
}

TEST(Decode, RefusesARecordThatIsCut) {
  EXPECT_THAT(error_of(Bytes(4, end_size).u32(64, 1).decoded(1)),
              HasSubstr("95 bytes that says 96"));
}

TEST(Decode, RefusesASizeThatDiffersFromTheBytes) {
  EXPECT_THAT(error_of(Bytes(4, end_size).u32(4, 95).decoded()),
              HasSubstr("96 bytes that says 95"));
  EXPECT_THAT(error_of(Bytes(4, end_size).u32(4, ~0u).decoded()),
              HasSubstr("that says 4294967295"));
}

TEST(Decode, RefusesASizeThatIsNotItsKinds) {
  const std::pair<std::uint32_t, std::size_t> kinds[] = {
      {1, fork_size}, {2, call_size}, {3, calls_size}, {4, end_size}, {7, call_size}};
  for (const auto& [kind, size] : kinds) {
    EXPECT_THAT(error_of(Bytes(kind, size - 8).decoded()), HasSubstr("belong")) << kind;
    EXPECT_THAT(error_of(Bytes(kind, size + 8).decoded()), HasSubstr("belong")) << kind;
    EXPECT_THAT(error_of(Bytes(kind, 16).decoded()), HasSubstr("belong")) << kind;
  }
}

TEST(Decode, RefusesAnUnknownKind) {
  EXPECT_THAT(error_of(Bytes(0, end_size).decoded()), HasSubstr("unknown kind 0"));
  EXPECT_THAT(error_of(Bytes(99, end_size).decoded()), HasSubstr("unknown kind 99"));
}

} // namespace
} // namespace forkmon
