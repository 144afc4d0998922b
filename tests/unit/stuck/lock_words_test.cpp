// SPDX-License-Identifier: MIT
#include "stuck/lock_words.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace forkmon {
namespace {

constexpr std::uint64_t start = 0x1000;
constexpr std::uint32_t waiters = 0x80000000;

/// Words at `start`.
class Memory {
public:
  Memory(std::initializer_list<std::uint32_t> words) : bytes_(words.size() * 4) {
    std::memcpy(bytes_.data(), words.begin(), bytes_.size());
  }
  MemoryReader& reader() { return reader_; }

private:
  std::vector<std::uint8_t> bytes_;
  CopiedMemory reader_{start, bytes_};
};

/// The owner of a mutex whose futex is `offset` bytes into the words; nothing where it is none.
std::optional<std::uint32_t> owner(std::initializer_list<std::uint32_t> words, std::uint64_t offset,
                                   bool by_memory_alone, bool is_32_bit = false) {
  Memory memory(words);
  auto mutex = read_mutex(memory.reader(), start + offset, is_32_bit, by_memory_alone);
  if (!mutex)
    return std::nullopt;
  EXPECT_EQ(mutex->address, start);
  return mutex->owner;
}

TEST(ReadMutex, FindsTheOwnerOfGlibcs) {
  for (bool alone : {false, true}) {
    EXPECT_EQ(owner({2, 0, 77, 1, 0}, 0, alone), 77u);
    EXPECT_EQ(owner({2, 3, 77, 1, 1}, 0, alone), 77u) << "recursive";
    EXPECT_EQ(owner({2, 0, 77, 1, 2}, 0, alone), 77u) << "error-checking";
    EXPECT_EQ(owner({2, 0, 77, 1, 128}, 0, alone), 77u) << "shared between processes";
    EXPECT_EQ(owner({77 | waiters, 1, 77, 1, 16}, 0, alone), 77u) << "robust";
    EXPECT_EQ(owner({77 | waiters, 1, 77, 1, 32}, 0, alone), 77u) << "priority inheritance";
    EXPECT_EQ(owner({5U << 19U | 2, 1, 77, 1, 64}, 0, alone), 77u) << "priority protection";
    EXPECT_EQ(owner({2, 0, 77, 0, 1}, 0, alone, true), 77u) << "32 bit: kind before users";
  }
  EXPECT_EQ(owner({2, 0, 0, 1, 0}, 0, false), 0u) << "its owner has not signed yet";
}

TEST(ReadMutex, FindsTheOwnerOfMusls) {
  for (bool alone : {false, true}) {
    EXPECT_EQ(owner({0, 16 | waiters, 1, 0, 0, 0}, 4, alone), 0u) << "a normal one has EBUSY";
    EXPECT_EQ(owner({1, 77 | waiters, 1, 0, 0, 0}, 4, alone), 77u) << "recursive";
    EXPECT_EQ(owner({2, 77 | waiters, 1, 0, 0, 0}, 4, alone), 77u) << "error-checking";
    EXPECT_EQ(owner({4, 77 | waiters, 1, 0, 0, 0}, 4, alone), 77u) << "robust";
    EXPECT_EQ(owner({4 | 128, 77 | waiters, 1, 0, 0, 0}, 4, alone), 77u) << "shared";
  }
}

TEST(ReadMutex, InventsNothing) {
  for (bool alone : {false, true}) {
    EXPECT_FALSE(owner({1, 0, 77, 1, 0}, 0, alone)) << "nobody waits for it";
    EXPECT_FALSE(owner({2, 0, 77, 1, 0x400}, 0, alone)) << "no such kind";
    EXPECT_FALSE(owner({2, 0, 0xffffffff, 1, 0}, 0, alone)) << "no thread's id";
    EXPECT_FALSE(owner({2, 0, 77, 0x20000, 0}, 0, alone)) << "too many users";
    EXPECT_FALSE(owner({78 | waiters, 0, 77, 1, 16}, 0, alone)) << "two owners";
    EXPECT_FALSE(owner({2, 0, 77, 1}, 0, alone)) << "it ends with its page";
    EXPECT_FALSE(owner({0x100, 77 | waiters, 1, 0, 0, 0}, 4, alone)) << "no type of musl's";
    EXPECT_FALSE(owner({0, 77 | waiters, 1, 0, 0, 0}, 4, alone)) << "normal, and yet an owner";
    EXPECT_FALSE(owner({1, 77, 1, 0, 0, 0}, 4, alone)) << "nobody waits for musl's";
  }
}

TEST(ReadMutex, AsksForMoreWhereNothingElseSaysThatItIsOne) {
  EXPECT_FALSE(owner({2, 0, 0, 1, 0}, 0, true)) << "without an owner";
  EXPECT_FALSE(owner({2, 0, 77, 0, 0}, 0, true)) << "without a user";
  EXPECT_FALSE(owner({2, 5, 77, 1, 0}, 0, true)) << "counts, but is not recursive";
  EXPECT_FALSE(owner({2, 0, 77, 1, 1}, 0, true)) << "recursive, but does not count";
}

TEST(ReadRwlock, FindsItsStartAndItsWriter) {
  // readers, writers, wrphase_futex, writers_futex, padding, cur_writer
  Memory memory({8, 1, 3, 3, 0, 0, 77, 0});
  for (std::uint64_t futex : {start + 8, start + 12}) {
    const LockWords lock = read_rwlock(memory.reader(), futex, false);
    EXPECT_EQ(lock.address, start);
    EXPECT_EQ(lock.owner, 77u);
  }
  Memory read({8, 1, 2, 1, 0, 0, 0, 0});
  EXPECT_EQ(read_rwlock(read.reader(), start + 8, false).owner, 0u) << "readers are not recorded";
  Memory musl({0xffffffff, 1, 0, 0, 0, 0, 77});
  EXPECT_EQ(read_rwlock(musl.reader(), start, false).address, start);
  EXPECT_EQ(read_rwlock(musl.reader(), start, false).owner, 0u);
}

TEST(ReadRecursive, FindsTheDescriptorOfItsOwner) {
  Memory memory({2, 1, 0x7f001000, 0x1});
  EXPECT_EQ(read_recursive(memory.reader(), start, false).owner_descriptor, 0x17f001000u);
  EXPECT_EQ(read_recursive(memory.reader(), start, true).owner_descriptor, 0x7f001000u);
  Memory plain({2, 0, 0x7f001000, 0x1});
  EXPECT_EQ(read_recursive(plain.reader(), start, false).owner_descriptor, 0u) << "no count";
  Memory musl({77 | 0x40000000, 0, 0, 0});
  EXPECT_EQ(read_recursive(musl.reader(), start, false).owner, 77u);
  Memory word({77, 0, 0, 0});
  EXPECT_EQ(read_recursive(word.reader(), start, false).owner, 0u) << "nobody waits";
}

TEST(LooksLikeSemaphore, WhereSomebodyWaitsForIt) {
  Memory waited({0, 1, 0, 0});
  EXPECT_TRUE(looks_like_semaphore(waited.reader(), start, false));
  Memory available({1, 1, 0, 0});
  EXPECT_FALSE(looks_like_semaphore(available.reader(), start, false));
  Memory wide({1, 0, 0, 2});
  EXPECT_TRUE(looks_like_semaphore(wide.reader(), start, true)) << "32 bit: the value is shifted";
}

#if defined(__x86_64__)
TEST(ReadDescriptorTid, BelievesADescriptorThatKnowsItself) {
  std::vector<std::uint32_t> words(0x2d0 / 4 + 1, 0);
  words[4] = start;
  words[0x2d0 / 4] = 77;
  std::vector<std::uint8_t> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  CopiedMemory memory(start, bytes);
  EXPECT_EQ(read_descriptor_tid(memory, start, false), 77u);
  bytes[16] = 8;
  EXPECT_EQ(read_descriptor_tid(memory, start, false), 0u);
  EXPECT_EQ(read_descriptor_tid(memory, 0, false), 0u);
}

TEST(LooksLikeOnce, WhereItIsBeingCalled) {
  std::vector<std::uint32_t> words(0x2d0 / 4 + 1, 0);
  words[0x2d0 / 4] = 77; // also what a function of pthread_once_t leaves after 19 forks
  std::vector<std::uint8_t> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  CopiedMemory once(start, bytes);
  EXPECT_TRUE(looks_like_once(once, start + 0x2d0, false));
  bytes[0x2d0] = 78;
  EXPECT_FALSE(looks_like_once(once, start + 0x2d0, false)) << "called before";
  bytes[0x2d0] = 77;
  std::memcpy(&bytes[16], &start, sizeof start);
  EXPECT_FALSE(looks_like_once(once, start + 0x2d0, false)) << "the id of a thread that is joined";
}
#elif defined(__aarch64__)
TEST(ReadDescriptorTid, BelievesADescriptorToWhichItsListLeadsBack) {
  std::vector<std::uint64_t> words(0xd0 / 8 + 1, 0);
  words[0xc0 / 8] = start; // the next of the list, of which the second word points back
  words[1] = start + 0xc0;
  words[0xd0 / 8] = 77;
  std::vector<std::uint8_t> bytes(words.size() * 8);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  CopiedMemory memory(start, bytes);
  EXPECT_EQ(read_descriptor_tid(memory, start, false), 77u);
  EXPECT_FALSE(looks_like_once(memory, start + 0xd0, false)) << "the id of a thread that is joined";
  bytes[8] = 0;
  EXPECT_EQ(read_descriptor_tid(memory, start, false), 0u);
  EXPECT_TRUE(looks_like_once(memory, start + 0xd0, false));
}
#endif

} // namespace
} // namespace forkmon
