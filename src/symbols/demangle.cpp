// SPDX-License-Identifier: MIT
#include "symbols/demangle.h"

#include "symbols/rust_v0.h"

#include <libiberty/demangle.h>

#include <csetjmp>
#include <cstddef>
#include <optional>
#include <string_view>

namespace forkmon {
namespace {

constexpr std::size_t max_bytes = 512;
// The demanglers recurse; libiberty's takes no C++ name that is longer.
constexpr std::size_t max_mangled_bytes = 1024;

struct Output {
  char text[max_bytes + 1]; ///< one byte more shows that there is more
  std::size_t size = 0;
  std::jmp_buf is_full;
};

/// Substitutions let a name of 400 letters expand to 2^40, so it leaves the demangler, which has no
/// other end. It holds no memory but its stack.
void add(const char* text, std::size_t size, void* to) {
  Output& output = *static_cast<Output*>(to);
  for (std::size_t i = 0; i < size; i++) {
    output.text[output.size++] = text[i];
    if (output.size == sizeof(output.text))
      std::longjmp(output.is_full, 1); // NOLINT(cert-err52-cpp)
  }
}

std::optional<std::string> demangle_rust_legacy(const std::string& name) {
  std::string text;
  const auto add_all = [](const char* part, std::size_t size, void* to) {
    static_cast<std::string*>(to)->append(part, size); // no longer than the name
  };
  if (rust_demangle_callback(name.c_str(), DMGL_PARAMS, add_all, &text) == 0)
    return std::nullopt;
  return text;
}

std::optional<std::string> demangle_cpp(const std::string& name) {
  Output output;
  const bool left = setjmp(output.is_full) != 0; // NOLINT(cert-err52-cpp): see add()
  if (!left && cplus_demangle_v3_callback(name.c_str(), DMGL_PARAMS | DMGL_ANSI, add, &output) == 0)
    return std::nullopt;
  return std::string(output.text, output.size);
}

std::optional<std::string> source_name(const std::string& name) {
  if (name.size() > max_mangled_bytes)
    return std::nullopt;
  if (name.starts_with("_R"))
    return demangle_rust_v0(name, max_bytes + 1);
  if (!name.starts_with("_Z"))
    return std::nullopt;
  if (auto text = demangle_rust_legacy(name))
    return text;
  return demangle_cpp(name);
}

} // namespace

std::string demangle(const std::string& name) {
  std::string text = source_name(name).value_or(name);
  if (text.size() > max_bytes)
    text.replace(max_bytes - 3, std::string::npos, "...");
  return text;
}

} // namespace forkmon
