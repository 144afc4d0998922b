// SPDX-License-Identifier: MIT
/// Basic authentication (RFC 7617) against a file of "user:hash" lines, as `htpasswd -B` makes it.
#pragma once

#include "http/message.h"
#include "util/result.h"

#include <cstdint>
#include <map>
#include <string>

namespace forkmon {

/// For one thread. Hashes are what crypt(3) of libxcrypt verifies and calls strong: bcrypt,
/// yescrypt, scrypt, SHA-512. They are slow by purpose, so:
/// - what was accepted once is remembered, under a quick hash of its own;
/// - no more than a quarter of the time goes into new attempts; who comes meanwhile is told to come
///   again.
class BasicAuth {
public:
  enum class Verdict { granted, denied, later };

  /// Error: the file cannot be read, or the line that is wrong.
  static Result<BasicAuth> load(const std::string& path);
  static Result<BasicAuth> parse(const std::string& text);

  /// `now_ns`: of any steady clock.
  Verdict check(const Credentials& credentials, std::uint64_t now_ns);

private:
  bool was_accepted(const Credentials& credentials) const;
  bool verify(const Credentials& credentials) const;

  std::map<std::string, std::string> hashes_;   ///< by user
  std::map<std::string, std::string> accepted_; ///< quick hashes of passwords that were right
  std::uint64_t next_attempt_ns_ = 0;
};

} // namespace forkmon
