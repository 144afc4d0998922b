// SPDX-License-Identifier: MIT
/// A value or an error with context, for everything that faces the operating system.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <variant>

namespace forkmon {

/// Why something could not be done, in one line fit for a user.
struct Error {
  std::string message;
  int code = 0; ///< errno, where there was one

  /// "what: strerror(code)".
  static Error from_errno(const std::string& what, int code) {
    return {what + ": " + std::strerror(code), code};
  }

  /// The same error, said to have happened during `what`.
  Error in(const std::string& what) const { return {what + ": " + message, code}; }
};

/// Either a T or an Error. The caller must look before it takes.
template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  const Error& error() const { return std::get<1>(state_); }

  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

private:
  std::variant<T, Error> state_;
};

/// Done, or an Error.
using Status = Result<std::monostate>;
inline Status ok() {
  return std::monostate{};
}

} // namespace forkmon
