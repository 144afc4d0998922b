// SPDX-License-Identifier: MIT
/// Where the metrics are served.
#pragma once

#include "util/result.h"

#include <string>

namespace forkmon {

/// Is `address` an "ADDR:PORT" (IPv4) that this process can listen on at this moment? The Error
/// names the address, the reason, and the way out. The web server itself tells no reason, and
/// takes lists and options where we want exactly one address.
Status check_listen_address(const std::string& address);

} // namespace forkmon
