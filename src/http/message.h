// SPDX-License-Identifier: MIT
/// What a client asks, and what it gets.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace forkmon {

/// As a client claims (RFC 7617).
struct Credentials {
  std::string user;
  std::string password;
};

/// A GET, or a HEAD, which the server answers without the body. Raw bytes of anyone.
struct HttpRequest {
  std::string path; ///< without the query; escapes resolved
  std::optional<Credentials> credentials;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers = {}; ///< others
};

} // namespace forkmon
