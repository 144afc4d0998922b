// SPDX-License-Identifier: MIT
#include "http/server.h"

#include "http/client.h"
#include "http/listen_socket.h"
#include "util/time.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace forkmon {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
protected:
  HttpServerTest() {
    auto socket = listen_on("127.0.0.1:0");
    port_ = port_of(*socket);
    auto server = HttpServer::start(*socket, std::nullopt, [this](const HttpRequest& request) {
      ++requests_;
      const std::string user = request.credentials
                                   ? request.credentials->user + "/" + request.credentials->password
                                   : "nobody";
      return HttpResponse{.status = request.path == "/teapot" ? 418 : 200,
                          .body = request.path + " by " + user,
                          .headers = {{"X-Test", "1"}}};
    });
    server_ = std::move(*server);
  }

  int port_ = 0;
  std::atomic<int> requests_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithStatusHeadersAndBody) {
  const std::string answer = get(port_, "/a?b=c");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Test: 1\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n/a by nobody"));
  EXPECT_THAT(get(port_, "/teapot"), StartsWith("HTTP/1.1 418 "));
}

TEST_F(HttpServerTest, KeepsAConnectionForTheNextRequest) {
  const std::string one = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string two = "GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string answers = talk(port_, one + two);
  EXPECT_THAT(answers, HasSubstr("/one by nobody"));
  EXPECT_THAT(answers, EndsWith("/two by nobody"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutTheBody) {
  const std::string answer =
      talk(port_, "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, CompressesForWhoAsksForIt) {
  const std::string path = "/" + std::string(2000, 'x');
  const std::string answer = get(port_, path, "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_LT(answer.size(), 1000u);
  EXPECT_THAT(get(port_, path), Not(HasSubstr("Content-Encoding")));
  EXPECT_THAT(get(port_, "/short", "Accept-Encoding: gzip\r\n"), EndsWith("/short by nobody"));
}

TEST_F(HttpServerTest, PassesCredentialsOn) {
  EXPECT_THAT(get(port_, "/", "Authorization: Basic cHJvbTpzZTpjcmV0\r\n"),
              EndsWith("/ by prom/se:cret"));
  for (const char* bad : {"Basic", "Basic !!!", "Bearer cHJvbTpzZTpjcmV0"})
    EXPECT_THAT(get(port_, "/", std::string("Authorization: ") + bad + "\r\n"),
                EndsWith("/ by nobody"));
}

TEST_F(HttpServerTest, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    const std::string answer =
        talk(port_, std::string(method) + " / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n")) << method;
  }
  EXPECT_EQ(requests_, 0);
}

// The client may see a reset instead, as it sends on.
TEST_F(HttpServerTest, RefusesARequestOf10MiBWithoutReadingIt) {
  const std::string large(10U << 20U, 'x');
  const std::string length = "Content-Length: " + std::to_string(large.size()) + "\r\n";
  for (const std::string& request :
       {"POST /a HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + large,
        "GET /a HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + large,
        "GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na00000\r\n" + large,
        "GET /" + large + " HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nX: " + large + "\r\n\r\n", large}) {
    const std::string answer = talk(port_, request);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << answer.substr(0, 200);
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_THAT(get(port_, "/a"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, RefusesGarbage) {
  for (const std::string& garbage :
       {std::string("\r\n\r\n\r\n"), std::string("GET\r\n\r\n"), std::string("\x16\x03\x01\x02"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: x\r\n no: name\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n"), std::string(64, '\0'),
        std::string("\xff\xfe\xfd \xff HTTP/1.1\r\n\r\n")}) {
    const std::string answer = talk(port_, garbage, true);
    EXPECT_THAT(answer, Not(HasSubstr(" 200 OK"))) << garbage;
  }
  EXPECT_EQ(requests_, 0);
  EXPECT_THAT(get(port_, "/a"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, AnswersWhileHundredsOfOthersSayNothing) {
  std::vector<Fd> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(connect_to(port_));
  for (int i = 0; i < 200; ++i) {
    silent.push_back(connect_to(port_));
    EXPECT_EQ(send(silent.back().get(), "GET / HT", 8, MSG_NOSIGNAL), 8);
  }
  EXPECT_THAT(get(port_, "/a"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, EndsConnectionsThatHaveLivedTooLong) {
  const Fd old = connect_to(port_);
  ASSERT_THAT(get(port_, "/a"), StartsWith("HTTP/1.1 200 OK")); // the old one was taken before
  server_->end_old_connections(monotonic_now_ns() + 29'000'000'000);
  char byte = 0;
  EXPECT_EQ(recv(old.get(), &byte, 1, MSG_DONTWAIT), -1) << "it is still open";
  server_->end_old_connections(monotonic_now_ns() + 31'000'000'000);
  EXPECT_EQ(recv(old.get(), &byte, 1, 0), 0) << "it is at its end";
}

TEST_F(HttpServerTest, FreesItsPort) {
  server_.reset();
  EXPECT_TRUE(listen_on("127.0.0.1:" + std::to_string(port_)));
}

std::string file_with(const std::string& text) {
  static int number = 0;
  const std::string path =
      testing::TempDir() + "/pem" + std::to_string(getpid()) + "." + std::to_string(number++);
  std::ofstream(path) << text;
  return path;
}

TEST(HttpServerTls, SaysWhatIsWrongWithTheCertificate) {
  const auto socket = listen_on("127.0.0.1:0");
  auto error_of = [&](const std::string& cert, const std::string& key) {
    const auto server = HttpServer::start(*socket, HttpServer::Tls{cert, key},
                                          [](const HttpRequest&) { return HttpResponse(); });
    return server ? std::string("it started") : server.error().message;
  };
  const std::string nonsense = file_with("nonsense");
  EXPECT_EQ(error_of("/nonexistent", nonsense),
            "cannot read /nonexistent: No such file or directory");
  EXPECT_EQ(error_of(nonsense, "/nonexistent"),
            "cannot read /nonexistent: No such file or directory");
  EXPECT_EQ(error_of("/dev/null", nonsense),
            "cannot read /dev/null: not a regular file of 1 MiB at most");
  EXPECT_THAT(error_of(nonsense, nonsense),
              StartsWith("cannot use the certificate " + nonsense + " with the key " + nonsense));
}

} // namespace
} // namespace forkmon
