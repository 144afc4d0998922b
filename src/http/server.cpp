// SPDX-License-Identifier: MIT
#include "http/server.h"

#include "http/connections.h"
#include "http/gzip.h"
#include "http/small_file.h"
#include "util/blocked_signals.h"
#include "util/text.h"
#include "util/time.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>

#include <cstdarg>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

namespace forkmon {
namespace {

constexpr unsigned max_connections = 512;
constexpr unsigned max_idle_seconds = 5;
constexpr std::uint64_t max_request_ns = 10'000'000'000;
constexpr std::size_t max_request_bytes = 16384;

/// A certificate and its key, read.
struct Pem {
  std::string cert;
  std::string key;
};

Result<Pem> read_pem(const HttpServer::Tls& tls) {
  auto cert = read_small_file(tls.cert_file);
  if (!cert)
    return cert.error();
  auto key = read_small_file(tls.key_file);
  if (!key)
    return key.error();
  return Pem{std::move(*cert), std::move(*key)};
}

std::optional<Credentials> credentials_of(MHD_Connection* connection) {
  char* password = nullptr;
  char* user = MHD_basic_auth_get_username_password(connection, &password);
  if (user == nullptr)
    return std::nullopt;
  Credentials credentials{user, password == nullptr ? "" : password};
  MHD_free(user);
  MHD_free(password);
  return credentials;
}

std::string_view header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

int descriptor_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

bool has_body(MHD_Connection* connection) {
  const std::string_view length = header(connection, "Content-Length");
  return (!length.empty() && length != "0") || !header(connection, "Transfer-Encoding").empty();
}

void compress(HttpResponse& response) {
  constexpr std::size_t worthwhile_bytes = 1024;
  if (response.body.size() < worthwhile_bytes)
    return;
  if (auto packed = gzip(response.body)) {
    response.body = std::move(*packed);
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
}

MHD_Result send(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* out = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), // it copies
      MHD_RESPMEM_MUST_COPY);
  if (out == nullptr)
    return MHD_NO;
  MHD_add_response_header(out, "Content-Type", response.content_type.c_str());
  for (const auto& [name, value] : response.headers)
    MHD_add_response_header(out, name.c_str(), value.c_str());
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return queued;
}

} // namespace

struct HttpServer::Impl {
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* data,
                               std::size_t* data_size, void** state);
  static void on_connection(void* self, MHD_Connection* connection, void** state,
                            MHD_ConnectionNotificationCode what);
  static void on_answer(void* self, MHD_Connection* connection, void** state,
                        MHD_RequestTerminationCode why);
  static void on_log(void* self, const char* format, va_list arguments);
  Status start(const Fd& socket, const std::optional<Pem>& pem);

  Handler handler;
  Connections connections;
  std::string last_log; ///< libmicrohttpd's, while it starts
  bool started = false;
  struct Stop {
    void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
  };
  std::unique_ptr<MHD_Daemon, Stop> daemon; // last: its thread uses the others
};

/// Called when the headers are there, and once more when the request is complete. An answer to the
/// first call refuses the rest, and closes the connection.
MHD_Result HttpServer::Impl::on_request(void* self, MHD_Connection* connection, const char* path,
                                        const char* method, const char* /*version*/,
                                        const char* /*data*/, std::size_t* /*data_size*/,
                                        void** state) {
  static int seen;
  if (*state == nullptr) {
    *state = &seen;
    const std::string_view verb = method;
    if (verb != "GET" && verb != "HEAD")
      return send(connection, {.status = MHD_HTTP_METHOD_NOT_ALLOWED,
                               .body = "only GET and HEAD are answered here\n",
                               .headers = {{"Allow", "GET, HEAD"}, {"Connection", "close"}}});
    if (has_body(connection))
      return send(connection, {.status = MHD_HTTP_CONTENT_TOO_LARGE,
                               .body = "a request may not have a body here\n",
                               .headers = {{"Connection", "close"}}});
    return MHD_YES;
  }
  HttpResponse response = static_cast<Impl*>(self)->handler({path, credentials_of(connection)});
  if (accepts_gzip(header(connection, "Accept-Encoding")))
    compress(response);
  return send(connection, response);
}

void HttpServer::Impl::on_connection(void* self, MHD_Connection* connection, void** /*state*/,
                                     MHD_ConnectionNotificationCode what) {
  Connections& connections = static_cast<Impl*>(self)->connections;
  if (what == MHD_CONNECTION_NOTIFY_STARTED)
    connections.opened(descriptor_of(connection), monotonic_now_ns());
  else
    connections.closed(descriptor_of(connection));
}

void HttpServer::Impl::on_answer(void* self, MHD_Connection* connection, void** /*state*/,
                                 MHD_RequestTerminationCode /*why*/) {
  static_cast<Impl*>(self)->connections.answered(descriptor_of(connection), monotonic_now_ns());
}

/// Later ones are about clients that break off, or speak no TLS.
void HttpServer::Impl::on_log(void* self, const char* format, va_list arguments) {
  auto& impl = *static_cast<Impl*>(self);
  if (impl.started)
    return;
  char line[512];
  (void)std::vsnprintf(line, sizeof(line), format, arguments);
  impl.last_log = line;
}

Status HttpServer::Impl::start(const Fd& socket, const std::optional<Pem>& pem) {
  const int given = fcntl(socket.get(), F_DUPFD_CLOEXEC, 0); // libmicrohttpd closes it
  std::vector<MHD_OptionItem> options{
      {MHD_OPTION_LISTEN_SOCKET, given, nullptr},
      {MHD_OPTION_CONNECTION_LIMIT, max_connections, nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, max_idle_seconds, nullptr},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, max_request_bytes, nullptr},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
  };
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;
  if (pem) {
    flags |= MHD_USE_TLS;
    options.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(pem->cert.c_str())});
    options.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(pem->key.c_str())});
    options.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0,
                       const_cast<char*>("NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2")});
  }
  options.push_back({MHD_OPTION_END, 0, nullptr});
  const BlockedSignals blocked; // SIGTERM and its like are the agent's own thread's
  daemon.reset(MHD_start_daemon(
      flags, 0, nullptr, nullptr, &on_request, this, MHD_OPTION_EXTERNAL_LOGGER, &on_log, this,
      MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this, MHD_OPTION_NOTIFY_COMPLETED, &on_answer,
      this, MHD_OPTION_ARRAY, options.data(), MHD_OPTION_END));
  if (!daemon)
    return Error{for_terminal(last_log.substr(0, last_log.find('\n')))};
  started = true;
  return ok();
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>>
HttpServer::start(const Fd& socket, const std::optional<Tls>& tls, Handler handler) {
  auto impl = std::make_unique<Impl>();
  impl->handler = std::move(handler);
  std::optional<Pem> pem;
  if (tls) {
    auto read = read_pem(*tls);
    if (!read)
      return read.error();
    pem = std::move(*read);
  }
  if (auto started = impl->start(socket, pem); !started)
    return pem ? started.error().in(fmt::format("cannot use the certificate {} with the key {}",
                                                for_terminal(tls->cert_file),
                                                for_terminal(tls->key_file)))
               : started.error().in("cannot start the web server");
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::end_old_connections(std::uint64_t now_ns) {
  if (now_ns > max_request_ns)
    impl_->connections.end_started_before(now_ns - max_request_ns);
}

} // namespace forkmon
