// SPDX-License-Identifier: MIT
/// Finds the children whose end was never reported, so that none stays in the books for ever.
#pragma once

#include "correlate/correlator.h"

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace forkmon {

/// Asks about the living children in turn, a few at each tick: about 250 a second, and after a loss
/// of records all of them within seconds. Pure: the caller asks the kernel, and concludes.
class ChildSweep {
public:
  /// What has become of a child: alive, exec, or exit where it is not known how it ended.
  using Ask = std::function<Outcome(const ChildRef&)>;
  struct Gone {
    ChildKey child;
    Outcome outcome = Outcome::exit;
  };

  /// Records of the lifecycle sensor were lost, and ends may be among them.
  void hurry() { hurried_rounds_ = 2; } // the one that is under way may be past the child

  /// Goes on with the round; to be called at each tick, after the events were taken in. Returns the
  /// children that have been gone for a second, in which the record of their end would have come.
  std::vector<Gone> look(const Correlator& children, std::uint64_t now_ns, const Ask& ask);

private:
  struct Missing {
    std::uint64_t since_ns = 0;
    Outcome outcome = Outcome::exit;
  };
  std::vector<Gone> given_up(const Correlator& children, std::uint64_t now_ns);

  ChildKey last_{};
  int hurried_rounds_ = 0;
  std::map<ChildKey, Missing> missing_;
};

} // namespace forkmon
