// SPDX-License-Identifier: MIT
#include "stuck/judge.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace forkmon {

void PrintTo(const Verdict& verdict, std::ostream* out) {
  *out << "conclusion " << static_cast<int>(verdict.conclusion) << ", reason "
       << static_cast<int>(verdict.reason);
}

namespace {

constexpr std::uint64_t sigint = 1ULL << 1U, sigterm = 1ULL << 14U;
constexpr std::uint64_t second_ns = 1'000'000'000;

const Verdict nothing{};
const Verdict not_now{Conclusion::not_now, StuckReason::none};
const Verdict proven{Conclusion::proven, StuckReason::none};

Verdict suspected(StuckReason reason) {
  return {Conclusion::suspected, reason};
}

/// Waits for ever for a private mutex, as far as the thread itself goes.
SeenThread stuck_thread(LockKind kind = LockKind::mutex, Holder holder = Holder::parent_thread) {
  SeenThread thread;
  thread.waits_endlessly = true;
  thread.is_still = true;
  thread.is_private = true;
  thread.lock = {kind, holder, PythonWait::none, false};
  return thread;
}

SeenChild child_of(std::vector<SeenThread> threads) {
  SeenChild child;
  child.threads = std::move(threads);
  child.memory = MemoryUse::alone;
  child.waited_ns = second_ns / 2;
  return child;
}

SeenChild lone_child(LockKind kind = LockKind::mutex, std::uint64_t handlers = 0,
                     PythonWait python = PythonWait::none) {
  SeenChild child = child_of({stuck_thread(kind, Holder::unknown)});
  child.threads[0].handlers = handlers;
  child.threads[0].lock.python = python;
  return child;
}

/// A thread of an idle pool, or one that runs.
SeenThread busy_thread() {
  return {};
}

TEST(JudgeWait, ProvesALoneThreadInAPrivateWait) {
  for (auto kind : {LockKind::mutex, LockKind::semaphore, LockKind::unknown, LockKind::condition,
                    LockKind::guard, LockKind::rwlock, LockKind::arena, LockKind::libc})
    EXPECT_EQ(judge_wait(lone_child(kind)), proven) << static_cast<int>(kind);
}

TEST(JudgeWait, HasNothingToSayOfAThreadThatIsNotThere) {
  EXPECT_EQ(judge_wait({}), nothing);
  EXPECT_EQ(judge_wait(child_of({busy_thread()})), nothing);
}

TEST(JudgeWait, DoesNotJudgeWhatIsStoppedFrozenOrHeldUp) {
  SeenChild child = lone_child();
  child.threads[0].is_still = false;
  EXPECT_EQ(judge_wait(child), not_now);
  child.threads[0].is_private = false;
  child.waited_ns = 60 * second_ns;
  EXPECT_EQ(judge_wait(child), not_now);
}

struct HandlerCase {
  LockKind kind;
  PythonWait python;
  std::uint64_t handlers;
  bool can_end;
};

class HandlerCanEnd : public testing::TestWithParam<HandlerCase> {};

TEST_P(HandlerCanEnd, ByLockAndTraceback) {
  const auto& [kind, python, handlers, can_end] = GetParam();
  EXPECT_EQ(handler_can_end({kind, Holder::unknown, python, false}, handlers), can_end);
  EXPECT_EQ(judge_wait(lone_child(kind, handlers, python)),
            can_end ? suspected(StuckReason::handler) : proven);
}

INSTANTIATE_TEST_SUITE_P(
    Table, HandlerCanEnd,
    testing::Values(HandlerCase{LockKind::semaphore, PythonWait::none, 0, false},
                    HandlerCase{LockKind::semaphore, PythonWait::none, sigterm, true},
                    HandlerCase{LockKind::semaphore, PythonWait::none, sigint, true},
                    HandlerCase{LockKind::unknown, PythonWait::none, sigterm, true},
                    HandlerCase{LockKind::condition, PythonWait::none, sigterm, true},
                    HandlerCase{LockKind::mutex, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::rwlock, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::once, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::guard, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::file, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::arena, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::loader, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::libc, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::rust_mutex, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::absl, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::go_runtime, PythonWait::none, sigterm, false},
                    HandlerCase{LockKind::semaphore, PythonWait::event, sigint, true},
                    HandlerCase{LockKind::semaphore, PythonWait::event, sigterm, true},
                    HandlerCase{LockKind::semaphore, PythonWait::event, 0, false},
                    HandlerCase{LockKind::semaphore, PythonWait::mutex, sigint | sigterm, false},
                    HandlerCase{LockKind::semaphore, PythonWait::plain_lock, sigint, false},
                    HandlerCase{LockKind::semaphore, PythonWait::plain_lock, sigint | sigterm,
                                true}));

TEST(JudgeWait, IsOnlyASuspicionWithoutSureKnowledgeOfWhoUsesTheMemory) {
  SeenChild child = lone_child();
  child.memory = MemoryUse::shared;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::memory_shared));
  child.memory = MemoryUse::unknown;
  EXPECT_EQ(judge_wait(child), not_now) << "perhaps the kernel used it for a moment";
  child.waited_ns = 3 * second_ns;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::memory_unknown));
}

TEST(JudgeWait, IsOnlyASuspicionWithADebugger) {
  SeenChild child = lone_child();
  child.is_traced = true;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::traced));
}

TEST(JudgeWait, IsOnlyASuspicionOfAPiMutex) {
  SeenChild child = lone_child();
  child.threads[0].is_pi = true;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::pi_owner_lives));
  child = child_of({stuck_thread(), busy_thread()});
  child.threads[0].is_pi = true;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::pi_owner_lives));
}

TEST(JudgeWait, ProvesOneThreadOfSeveralByTheOwnerOfItsMutex) {
  for (Holder holder : {Holder::parent_thread, Holder::ended})
    EXPECT_EQ(judge_wait(child_of({stuck_thread(LockKind::mutex, holder), busy_thread()})), proven);
  for (Holder holder : {Holder::unknown, Holder::self, Holder::child_thread})
    EXPECT_EQ(judge_wait(child_of({stuck_thread(LockKind::mutex, holder), busy_thread()})),
              nothing);
}

TEST(JudgeWait, LeavesWhatTheForkingThreadHadTakenToTheChildsFirstThread) {
  SeenChild child = child_of({stuck_thread(), busy_thread()});
  child.threads[0].lock.owner_forked = true;
  EXPECT_EQ(judge_wait(child), nothing);
}

TEST(JudgeWait, FindsNothingInAnIdlePoolOfThreads) {
  for (auto kind : {LockKind::semaphore, LockKind::condition, LockKind::unknown})
    EXPECT_EQ(judge_wait(child_of({stuck_thread(kind, Holder::unknown), busy_thread()})), nothing);
}

TEST(JudgeWait, ProvesThreadsThatAllWait) {
  EXPECT_EQ(judge_wait(child_of({stuck_thread(LockKind::unknown, Holder::unknown),
                                 stuck_thread(LockKind::condition, Holder::unknown)})),
            proven);
}

TEST(JudgeWait, DoesNotProveThreadsThatAHandlerMaySetGoing) {
  SeenChild child = child_of({stuck_thread(LockKind::mutex, Holder::child_thread),
                              stuck_thread(LockKind::semaphore, Holder::unknown)});
  child.threads[1].handlers = sigterm;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::all_threads_wait));
  child.threads[1].lock.kind = LockKind::mutex;
  EXPECT_EQ(judge_wait(child), proven);
}

TEST(JudgeWait, SaysNothingOfAllThreadsWhereOneMayGoOn) {
  const SeenThread waiter = stuck_thread(LockKind::mutex, Holder::child_thread);
  SeenThread other = waiter;
  other.is_private = false;
  EXPECT_EQ(judge_wait(child_of({waiter, other})), nothing);
  other = waiter;
  other.is_pi = true;
  EXPECT_EQ(judge_wait(child_of({waiter, other})), nothing);
  other = waiter;
  other.is_still = false;
  EXPECT_EQ(judge_wait(child_of({waiter, other})), nothing);
  SeenChild child = child_of({waiter, waiter});
  child.all_seen = false;
  EXPECT_EQ(judge_wait(child), nothing);
  child = child_of({waiter});
  child.all_seen = false;
  EXPECT_EQ(judge_wait(child), nothing);
}

SeenChild shared_wait(LockKind kind, Holder holder = Holder::unknown) {
  SeenChild child = child_of({stuck_thread(kind, holder)});
  child.threads[0].is_private = false;
  child.waited_ns = 3 * second_ns;
  return child;
}

TEST(JudgeWait, HasPatienceWithWhatOtherProcessesMayEnd) {
  SeenChild child = shared_wait(LockKind::semaphore);
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::shared_futex));
  child.waited_ns--;
  EXPECT_EQ(judge_wait(child), nothing);
}

TEST(JudgeWait, SaysNothingOfAPoolWhoseOtherWorkerWaitsForInput) {
  SeenChild child = shared_wait(LockKind::semaphore);
  child.sibling_waits_for_input = true;
  EXPECT_EQ(judge_wait(child), nothing);
}

TEST(JudgeWait, TellsASharedMutexByItsOwner) {
  SeenChild child = shared_wait(LockKind::mutex, Holder::parent_thread);
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::shared_owner_lives));
  child.threads[0].lock.holder = Holder::ended;
  child.shared_owner_lives = false;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::shared_owner_ended));
  child.threads[0].lock.holder = Holder::unknown;
  EXPECT_EQ(judge_wait(child), suspected(StuckReason::shared_futex));
}

TEST(JudgeLoop, ProvesASpinLockAndSuspectsTheRest) {
  EXPECT_EQ(judge_loop({true, true, true, false}), proven);
  EXPECT_EQ(judge_loop({true, false, true, false}), suspected(StuckReason::timed_loop));
  EXPECT_EQ(judge_loop({true, true, false, false}), suspected(StuckReason::timed_loop));
  EXPECT_EQ(judge_loop({false, true, true, false}), nothing);
  EXPECT_EQ(judge_loop({true, true, false, true}), nothing);
}

} // namespace
} // namespace forkmon
