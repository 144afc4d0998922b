// SPDX-License-Identifier: MIT
#include "correlate/child_sweep.h"

#include "correlate/correlator_fixture.h"

#include <set>

namespace forkmon {
namespace {

using namespace script;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t s = 1000 * ms;

MATCHER_P2(GoneBy, pid, outcome, "") {
  return arg.child.pid == static_cast<std::uint32_t>(pid) && arg.outcome == outcome;
}

class ChildSweepTest : public CorrelatorTest {
protected:
  std::vector<ChildSweep::Gone> look(std::uint64_t now_ns) {
    asked_ = 0;
    return sweep_.look(correlator_, now_ns, [this](const ChildRef& child) {
      asked_++;
      auto found = outcomes_.find(child.key.pid);
      return found == outcomes_.end() ? Outcome::alive : found->second;
    });
  }

  ChildSweep sweep_;
  std::map<std::uint32_t, Outcome> outcomes_; ///< of those that do not live
  std::size_t asked_ = 0;
};

TEST_F(ChildSweepTest, LeavesThoseThatLive) {
  run({forked(child(20, 0)), forked(child(21, 0))});
  for (std::uint64_t now = 2 * s; now < 10 * s; now += 100 * ms)
    EXPECT_THAT(look(now), IsEmpty());
  EXPECT_EQ(asked_, 2u);
}

TEST_F(ChildSweepTest, FindsThoseWhoseEndWasNeverReported) {
  run({forked(child(20, 0)), forked(child(21, 0)), forked(child(22, 0))});
  outcomes_ = {{20, Outcome::exit}, {22, Outcome::exec}};
  EXPECT_THAT(look(2 * s), IsEmpty()) << "the record may be on its way";
  EXPECT_THAT(look(2900 * ms), IsEmpty());
  EXPECT_THAT(look(3 * s), ElementsAre(GoneBy(20, Outcome::exit), GoneBy(22, Outcome::exec)));
}

TEST_F(ChildSweepTest, GivesNobodyUpWhoseEndCameMeanwhile) {
  const ChildRef c = child(20, 0);
  run({forked(c)});
  outcomes_ = {{20, Outcome::exit}};
  EXPECT_THAT(look(2 * s), IsEmpty());
  run({exited(c, 2 * s, 0)});
  EXPECT_THAT(look(4 * s), IsEmpty());
}

TEST_F(ChildSweepTest, DoesNotAskAboutTheYoung) {
  run({forked(child(20, 2 * s))});
  outcomes_ = {{20, Outcome::exit}};
  EXPECT_THAT(look(2900 * ms), IsEmpty());
  EXPECT_EQ(asked_, 0u);
}

TEST_F(ChildSweepTest, AsksAFewAtATickAndEverybodyInTurn) {
  for (std::uint32_t pid = 1; pid <= 60; pid++)
    run({forked(child(pid, 0))});
  for (std::size_t wanted : {25u, 25u, 10u, 25u}) {
    look(2 * s);
    EXPECT_EQ(asked_, wanted);
  }
}

TEST_F(ChildSweepTest, HurriesAfterALossUntilEverybodyWasAsked) {
  for (std::uint32_t pid = 1; pid <= 1500; pid++)
    run({forked(child(pid, 0))});
  look(2 * s); // the first ones
  sweep_.hurry();
  for (std::size_t wanted : {1000u, 475u, 1000u, 500u, 25u}) {
    look(2 * s);
    EXPECT_EQ(asked_, wanted);
  }
}

} // namespace
} // namespace forkmon
