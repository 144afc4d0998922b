// SPDX-License-Identifier: MIT
#include "sinks/listen_address.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace forkmon {
namespace {

TEST(ListenAddress, TakesExactlyOneIpv4AddressAndPort) {
  EXPECT_TRUE(check_listen_address("127.0.0.1:0"));
  for (const char* bad : {"", ":", "9877", ":9877", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                          "127.0.0.1:-1", "127.0.0.1:98x", "127.0.0.1:80,0.0.0.0:81", "+80:80",
                          "127.0.0.1:80s", "localhost:9877", "[::1]:9877", "1.2.3:80"}) {
    const Status status = check_listen_address(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, EINVAL) << bad;
  }
}

TEST(ListenAddress, NamesTheAddressAndTheWayOut) {
  EXPECT_EQ(check_listen_address("local\x1bhost").error().message,
            "cannot serve metrics on \"local\\x1bhost\": not an IPv4 ADDR:PORT; "
            "give one such as --listen 127.0.0.1:9877");
  const Status foreign = check_listen_address("192.0.2.1:9877"); // RFC 5737: nobody's
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, EADDRNOTAVAIL);
  EXPECT_EQ(foreign.error().message,
            "cannot serve metrics on 192.0.2.1:9877: Cannot assign requested address; "
            "choose another with --listen ADDR:PORT");
}

} // namespace
} // namespace forkmon
