// SPDX-License-Identifier: MIT
/// What ends the hang of a child.
#pragma once

namespace forkmon {

enum class Remedy {
  kill_child = 1, ///< SIGKILL to the child: whoever waits for the child then gets its status
  restart_parent, ///< the parent does not recover from the loss of the child
  release_lock,   ///< another process holds the lock, and has to release it
  look_first,     ///< the wait may be healthy
};

} // namespace forkmon
