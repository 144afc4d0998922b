// SPDX-License-Identifier: MIT
/// From the bytes that the kernel side sends (forkmon/wire.h) to events.
#pragma once

#include "forkmon/event.h"
#include "util/result.h"

#include <cstddef>
#include <span>

namespace forkmon {

/// One record. Error for a record that is cut, of an unknown kind, of another size than its kind
/// has, or that names a function or an outcome that cannot be.
Result<Event> decode(std::span<const std::byte> bytes);

} // namespace forkmon
