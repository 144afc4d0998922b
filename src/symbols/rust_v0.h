// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace forkmon {

/// A Rust name of the v0 mangling scheme (RFC 2603), which starts with "_R", as Rust programs write
/// it, without the hashes of crates: "core::option::Option<i32>::unwrap". Nothing where the name is
/// none of that scheme. The text is cut at `max_bytes`, because back references let a short name
/// expand without end; libiberty's demangler cannot be stopped there.
std::optional<std::string> demangle_rust_v0(std::string_view name, std::size_t max_bytes);

} // namespace forkmon
