// SPDX-License-Identifier: MIT
/// The socket that the agent serves on.
#pragma once

#include "util/fd.h"
#include "util/result.h"

#include <string>

namespace forkmon {

/// Listens on an "ADDR:PORT" (IPv4); port 0: any free one. The Error names the address, the reason,
/// and the way out.
Result<Fd> listen_on(const std::string& address);

/// The port that a socket is bound to; 0 where it is none.
int port_of(const Fd& socket);

} // namespace forkmon
