// SPDX-License-Identifier: MIT
#include "http/basic_auth.h"

#include "http/small_file.h"
#include "util/text.h"
#include "util/time.h"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>

namespace forkmon {
namespace {

/// SHA-256 of libcrypt at its fewest rounds: under a millisecond.
constexpr const char* quick_prefix = "$5$";
constexpr unsigned long quick_rounds = 1000;

/// Empty where `setting` is none that crypt(3) takes.
std::string hash_of(const std::string& password, const std::string& setting) {
  auto data = std::make_unique<crypt_data>(); // 32 KiB
  const char* hash = crypt_rn(password.c_str(), setting.c_str(), data.get(), sizeof(*data));
  return hash == nullptr ? "" : hash;
}

/// In a time that does not depend on where they differ.
bool same(const std::string& one, const std::string& other) {
  unsigned char difference = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i)
    difference |= static_cast<unsigned char>(one[i] ^ other[i]);
  return difference == 0;
}

bool matches(const std::string& password, const std::string& hash) {
  const std::string own = hash_of(password, hash);
  return !own.empty() && same(own, hash);
}

/// With a zero in it, crypt(3) would look at a part of it alone.
bool is_usable(const Credentials& credentials) {
  return credentials.password.size() < CRYPT_MAX_PASSPHRASE_SIZE &&
         credentials.password.find('\0') == std::string::npos;
}

} // namespace

Result<BasicAuth> BasicAuth::load(const std::string& path) {
  auto text = read_small_file(path);
  if (!text)
    return text.error();
  auto parsed = parse(*text);
  if (!parsed)
    return parsed.error().in(for_terminal(path));
  return parsed;
}

Result<BasicAuth> BasicAuth::parse(const std::string& text) {
  BasicAuth auth;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r'))
      line.pop_back();
    if (line.empty() || line.starts_with('#'))
      continue;
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string::npos)
      return Error{fmt::format("line {}: not USER:HASH", number)};
    const std::string hash = line.substr(colon + 1);
    if (crypt_checksalt(hash.c_str()) != CRYPT_SALT_OK || hash_of("", hash).size() != hash.size())
      return Error{fmt::format("line {}: no hash that crypt(5) calls strong; make one with "
                               "htpasswd -nB USER, or mkpasswd",
                               number)};
    auth.hashes_[line.substr(0, colon)] = hash;
  }
  if (auth.hashes_.empty())
    return Error{"it names no user"};
  return auth;
}

BasicAuth::Verdict BasicAuth::check(const Credentials& credentials, std::uint64_t now_ns) {
  if (!is_usable(credentials))
    return Verdict::denied;
  if (was_accepted(credentials))
    return Verdict::granted;
  if (now_ns < next_attempt_ns_)
    return Verdict::later;
  const std::uint64_t start_ns = monotonic_now_ns();
  const bool right = verify(credentials);
  next_attempt_ns_ = now_ns + 4 * (monotonic_now_ns() - start_ns);
  if (!right)
    return Verdict::denied;
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> salt{};
  crypt_gensalt_rn(quick_prefix, quick_rounds, nullptr, 0, salt.data(), salt.size());
  accepted_[credentials.user] = hash_of(credentials.password, salt.data());
  return Verdict::granted;
}

bool BasicAuth::was_accepted(const Credentials& credentials) const {
  const auto found = accepted_.find(credentials.user);
  return found != accepted_.end() && matches(credentials.password, found->second);
}

/// Takes its time for a user that nobody knows, too: else the time would tell who is known.
bool BasicAuth::verify(const Credentials& credentials) const {
  const auto found = hashes_.find(credentials.user);
  const bool is_known = found != hashes_.end();
  const bool right =
      matches(credentials.password, is_known ? found->second : hashes_.begin()->second);
  return is_known && right;
}

} // namespace forkmon
