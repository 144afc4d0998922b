// SPDX-License-Identifier: MIT
#include "symbols/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace forkmon {
namespace {

// The demangler recurses, and its output can be exponential in its input.
constexpr std::size_t kMaxMangledBytes = 1024;
constexpr std::size_t kMaxBytes = 512;

/// Substitutions let a short name expand without end; names of compilers have few of them.
bool may_explode(const std::string& name) {
  constexpr std::ptrdiff_t kMaxSubstitutions = 128;
  std::ptrdiff_t substitutions = 0;
  for (const char letter : name)
    substitutions += letter == 'S' || letter == 'T';
  return name.size() > kMaxMangledBytes || substitutions > kMaxSubstitutions;
}

} // namespace

std::string demangle(const std::string& name) {
  std::string result = name;
  if (name.starts_with("_Z") && !may_explode(name)) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    if (text && status == 0)
      result = text.get();
  }
  if (result.size() > kMaxBytes)
    result.replace(kMaxBytes - 3, std::string::npos, "...");
  return result;
}

} // namespace forkmon
