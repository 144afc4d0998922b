// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace forkmon {

/// Blocks all signals of this thread for as long as it lives. Threads and processes that are
/// started meanwhile inherit that: signals for us are then not theirs.
class BlockedSignals {
public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

private:
  sigset_t before_{};
};

} // namespace forkmon
