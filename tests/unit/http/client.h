// SPDX-License-Identifier: MIT
/// A client that sends what it is told.
#pragma once

#include "util/fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>

namespace forkmon {

/// Connected to the loopback; invalid where that was refused.
inline Fd connect_to(int port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fd.reset();
  return fd;
}

/// Sends as much as the other side takes, says with `ends` that no more will come, and returns all
/// that comes back.
inline std::string talk(int port, const std::string& request, bool ends = false) {
  const Fd fd = connect_to(port);
  std::string_view rest = request;
  while (!rest.empty()) {
    const ssize_t sent = send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      break;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (ends)
    shutdown(fd.get(), SHUT_WR);
  std::string answer;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(fd.get(), buffer.data(), buffer.size())) > 0;)
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  return answer;
}

inline std::string get(int port, const std::string& path, const std::string& headers = "") {
  return talk(port,
              "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
}

} // namespace forkmon
