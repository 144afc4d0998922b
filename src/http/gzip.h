// SPDX-License-Identifier: MIT
/// Content-Encoding: gzip. A full host's metrics shrink to a tenth.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forkmon {

/// Does an Accept-Encoding header (RFC 9110, 12.5.3) name gzip?
bool accepts_gzip(std::string_view accept_encoding);

/// Quickly compressed; nothing where there is no memory for it.
std::optional<std::string> gzip(std::string_view text);

} // namespace forkmon
