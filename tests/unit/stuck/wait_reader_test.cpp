// SPDX-License-Identifier: MIT
#include "stuck/wait_reader.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace forkmon {
namespace {

AddressSpace space() {
  return AddressSpace::parse("1000-2000 rw-p 00000000 00:00 0 \n"
                             "2000-3000 rw-s 00000000 00:01 5 /dev/zero (deleted)\n"
                             "3000-4000 r--p 00000000 08:01 6 /lib/x\n"
                             "4000-5000 r--s 00000000 08:01 6 /lib/x\n");
}

TEST(IsPrivateWord, IsByTheFlagOrByTheMapping) {
  EXPECT_TRUE(is_private_word({.address = 0x1004}, space()));
  EXPECT_FALSE(is_private_word({.address = 0x2004}, space()));
  EXPECT_TRUE(is_private_word({.address = 0x2004, .is_private = true}, space()));
  EXPECT_FALSE(is_private_word({.address = 0x3004}, space())) << "the file's page";
  EXPECT_FALSE(is_private_word({.address = 0x4004}, space()));
  EXPECT_FALSE(is_private_word({.address = 0x9004}, space())) << "it fails closed";
}

TEST(IsStill, IsAsleepInAFutexCall) {
  for (const char* channel :
       {"futex_do_wait", "futex_wait_queue", "futex_wait_queue_me", "futex_wait_multiple",
        "rt_mutex_wait_proxy_lock", "__rt_mutex_slowlock", "do_futex", ""})
    EXPECT_TRUE(is_still('S', channel)) << channel;
  for (const char* channel : {"do_freezer_trap", "__refrigerator", "handle_userfault",
                              "ptrace_stop", "do_signal_stop", "request_wait_answer"})
    EXPECT_FALSE(is_still('S', channel)) << channel;
  for (char state : {'D', 'T', 't', 'R', 'Z', '?'})
    EXPECT_FALSE(is_still(state, "futex_do_wait")) << state;
}

TEST(WordsOf, ReadsTheWordsOfAVector) {
  std::vector<FutexVectorEntry> entries{{2, 0x1000, 128 | 2, 0}, {2, 0x2000, 2, 0}};
  WaitState state;
  state.number = 449;
  state.arguments = {reinterpret_cast<std::uint64_t>(entries.data()), entries.size()};
  const auto words = words_of(state, Abi::native, getpid());
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].address, 0x1000u);
  EXPECT_TRUE(words[0].is_private);
  EXPECT_FALSE(words[1].is_private);
  state.arguments[0] = 8;
  EXPECT_TRUE(words_of(state, Abi::native, getpid()).empty()) << "it cannot be read";
}

} // namespace
} // namespace forkmon
