// SPDX-License-Identifier: MIT
#include "http/listen_socket.h"

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

} // namespace

/// SO_REUSEADDR: a listener is still in the way, connections of an earlier agent that linger are
/// not.
Result<Fd> listen_on(const std::string& address) {
  constexpr int backlog = 512; // as many as may be connected
  const auto parsed = parse(address);
  if (!parsed)
    return Error{fmt::format("cannot serve metrics on \"{}\": not an IPv4 ADDR:PORT; "
                             "give one such as --listen 127.0.0.1:9877",
                             for_terminal(address)),
                 EINVAL};
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(socket.get(), reinterpret_cast<const sockaddr*>(&*parsed), sizeof(*parsed)) != 0 ||
      listen(socket.get(), backlog) != 0) {
    const int code = errno;
    return Error{
        fmt::format("cannot serve metrics on {}: {}; choose another with --listen ADDR:PORT",
                    address, std::strerror(code)),
        code};
  }
  return socket;
}

int port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return 0;
  return ntohs(address.sin_port);
}

} // namespace forkmon
