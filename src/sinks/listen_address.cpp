// SPDX-License-Identifier: MIT
#include "sinks/listen_address.h"

#include "util/fd.h"
#include "util/text.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>

namespace forkmon {
namespace {

std::optional<sockaddr_in> parse(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos)
    return std::nullopt;
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  const auto [stop, error] = std::from_chars(address.data() + colon + 1, end, port);
  sockaddr_in parsed{};
  parsed.sin_family = AF_INET;
  parsed.sin_port = htons(port);
  const std::string host = address.substr(0, colon);
  if (error != std::errc() || stop != end ||
      inet_pton(AF_INET, host.c_str(), &parsed.sin_addr) != 1)
    return std::nullopt;
  return parsed;
}

// The errno of an attempt to listen, or 0. SO_REUSEADDR, as the web server will set it: a
// listener is still in the way, connections of an earlier agent that linger are not.
int try_to_listen(const sockaddr_in& address) {
  const Fd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!socket_fd || setsockopt(socket_fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(socket_fd.get(), 1) != 0)
    return errno;
  return 0;
}

} // namespace

Status check_listen_address(const std::string& address) {
  const auto parsed = parse(address);
  if (!parsed)
    return Error{fmt::format("cannot serve metrics on \"{}\": not an IPv4 ADDR:PORT; "
                             "give one such as --listen 127.0.0.1:9877",
                             for_terminal(address)),
                 EINVAL};
  if (const int code = try_to_listen(*parsed))
    return Error{
        fmt::format("cannot serve metrics on {}: {}; choose another with --listen ADDR:PORT",
                    address, std::strerror(code)),
        code};
  return ok();
}

} // namespace forkmon
