// SPDX-License-Identifier: MIT
/// Certificates, keys and password files.
#pragma once

#include "util/result.h"

#include <string>

namespace forkmon {

/// All of a regular file of 1 MiB at most. Does not wait, as on a fifo. The Error names it.
Result<std::string> read_small_file(const std::string& path);

} // namespace forkmon
