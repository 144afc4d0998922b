// SPDX-License-Identifier: MIT
/// A small web server for a few known clients among hostile ones, of libmicrohttpd.
#pragma once

#include "http/message.h"
#include "util/fd.h"
#include "util/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace forkmon {

/// One thread waits for all connections, so that one that says nothing is in nobody's way. Bounded
/// are the connections (512; more wait in the kernel), the time that one may be idle (5 s) or live
/// (30 s), and a request (16 KiB, without a body). Anything but GET and HEAD is refused.
class HttpServer {
public:
  /// Files in PEM format.
  struct Tls {
    std::string cert_file; ///< with the chain
    std::string key_file;
  };
  /// Called on the server's thread; must not throw.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  /// Serves on a socket that listens, until destroyed; its thread takes no signals. Error: the
  /// certificate or the key cannot be used.
  static Result<std::unique_ptr<HttpServer>> start(const Fd& socket, const std::optional<Tls>& tls,
                                                   Handler handler);
  ~HttpServer();

  /// To be called from time to time: ends connections that have lived too long.
  void end_old_connections(std::uint64_t now_ns);

private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

} // namespace forkmon
