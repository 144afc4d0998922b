// SPDX-License-Identifier: MIT
#include "http/basic_auth.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <fstream>

namespace forkmon {
namespace {

using enum BasicAuth::Verdict;
using testing::HasSubstr;

// By htpasswd -nbBC 4, mkpasswd -m yescrypt, and mkpasswd -m sha512crypt; the password is "secret".
const std::string bcrypt = "$2y$04$epJSxum1wGZHGY8I9JrUvOCZoNUVRcT2ckD9AaGH/N08yA62fO7fu";
const std::string yescrypt =
    "$y$j75$vPfo8LTQWHlZzic3rFXPi0$DxsnZlZHB44qLpBmkS.cddcZ0TX8lktyL8rA.ZOvxX3";
const std::string sha512 = "$6$rounds=1000$jbq6LWQBwgbmyWoH$YNDQIYK6FAVLWBKRWC3H.5Eob8KkseVIFGSt/"
                           "M5KbBfclu6rFK39whxlddOmSdl/eloJf77mZRLwb1DWzAUmH1";

BasicAuth parsed(const std::string& text) {
  auto auth = BasicAuth::parse(text);
  EXPECT_TRUE(auth) << auth.error().message;
  return std::move(*auth);
}

class EachHash : public testing::TestWithParam<std::string> {};

TEST_P(EachHash, GrantsTheRightPasswordAlone) {
  BasicAuth auth = parsed("# scrapers\r\n\nprom:" + GetParam() + "\r\n");
  std::uint64_t now_ns = 0;
  auto check = [&](const std::string& user, const std::string& password) {
    return auth.check({user, password}, now_ns += 1'000'000'000'000);
  };
  EXPECT_EQ(check("prom", "wrong"), denied);
  EXPECT_EQ(check("prom", ""), denied);
  EXPECT_EQ(check("prom", std::string("secret\0x", 8)), denied);
  EXPECT_EQ(check("prom", std::string(10000, 'x')), denied);
  EXPECT_EQ(check("nobody", "secret"), denied);
  EXPECT_EQ(check("", "secret"), denied);
  EXPECT_EQ(check("prom", "secret"), granted);
  EXPECT_EQ(check("prom", "secret"), granted) << "remembered";
  EXPECT_EQ(check("prom", "secre"), denied) << "what is remembered is no prefix";
}

INSTANTIATE_TEST_SUITE_P(BasicAuth, EachHash, testing::Values(bcrypt, yescrypt, sha512));

TEST(BasicAuth, LeavesTimeBetweenAttemptsButNotForWhoIsKnown) {
  BasicAuth auth = parsed("prom:" + bcrypt + "\nother:" + yescrypt);
  EXPECT_EQ(auth.check({"prom", "secret"}, 1), granted);
  EXPECT_EQ(auth.check({"other", "secret"}, 1), later);
  EXPECT_EQ(auth.check({"prom", "secret"}, 1), granted);
  EXPECT_EQ(auth.check({"other", "secret"}, 1'000'000'000'000), granted);
}

TEST(BasicAuth, NamesTheLineThatIsWrong) {
  for (const std::string& bad :
       {std::string("prom"), std::string(":") + bcrypt, std::string("prom:secret"),
        std::string("prom:"), "prom:" + bcrypt.substr(0, 29), "prom:" + bcrypt + "x",
        std::string("prom:$1$abc$def"), std::string("prom:\xff\x1b[31m"), std::string("prom:*")}) {
    const auto auth = BasicAuth::parse("a:" + bcrypt + "\n" + bad + "\n");
    ASSERT_FALSE(auth) << bad;
    EXPECT_THAT(auth.error().message, testing::StartsWith("line 2: "));
  }
  EXPECT_EQ(BasicAuth::parse("# nobody\n").error().message, "it names no user");
}

TEST(BasicAuth, NamesTheFile) {
  EXPECT_EQ(BasicAuth::load("/nonexistent\x1b").error().message,
            "cannot read /nonexistent\\x1b: No such file or directory");
  EXPECT_EQ(BasicAuth::load("/dev/zero").error().message,
            "cannot read /dev/zero: not a regular file of 1 MiB at most");
  const std::string path = testing::TempDir() + "/users" + std::to_string(getpid());
  std::ofstream(path) << "nonsense\n";
  EXPECT_EQ(BasicAuth::load(path).error().message, path + ": line 1: not USER:HASH");
}

} // namespace
} // namespace forkmon
