// SPDX-License-Identifier: MIT
#include "http/listen_socket.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace forkmon {
namespace {

TEST(ListenOn, TakesExactlyOneIpv4AddressAndPort) {
  EXPECT_TRUE(listen_on("127.0.0.1:0"));
  for (const char* bad : {"", ":", "9877", ":9877", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                          "127.0.0.1:-1", "127.0.0.1:98x", "127.0.0.1:80,0.0.0.0:81", "+80:80",
                          "127.0.0.1:80s", "localhost:9877", "[::1]:9877", "1.2.3:80"}) {
    const auto status = listen_on(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, EINVAL) << bad;
  }
}

TEST(ListenOn, NamesTheAddressAndTheWayOut) {
  EXPECT_EQ(listen_on("local\x1bhost").error().message,
            "cannot serve metrics on \"local\\x1bhost\": not an IPv4 ADDR:PORT; "
            "give one such as --listen 127.0.0.1:9877");
  const auto foreign = listen_on("192.0.2.1:9877"); // RFC 5737: nobody's
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, EADDRNOTAVAIL);
  EXPECT_EQ(foreign.error().message,
            "cannot serve metrics on 192.0.2.1:9877: Cannot assign requested address; "
            "choose another with --listen ADDR:PORT");
}

TEST(ListenOn, TellsThePortAndThatItIsTaken) {
  const auto first = listen_on("127.0.0.1:0");
  ASSERT_TRUE(first);
  ASSERT_GT(port_of(*first), 0);
  const std::string address = "127.0.0.1:" + std::to_string(port_of(*first));
  const auto second = listen_on(address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_EQ(second.error().message, "cannot serve metrics on " + address +
                                        ": Address already in use; choose another with "
                                        "--listen ADDR:PORT");
}

} // namespace
} // namespace forkmon
