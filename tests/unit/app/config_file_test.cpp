// SPDX-License-Identifier: MIT
#include "app/config_file.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::string& text) {
  auto config = parse_config(text, "f.toml");
  return config ? "none" : config.error().message;
}

TEST(ConfigFile, GivesKeysWithTheirLinesAndTypes) {
  auto config = parse_config("# options\nlisten = \"127.0.0.1:1\"\nall = true\nstack-bytes = 0x10\n"
                             "stack-interval = 1.5\nuid = [1,\n 2]\nexe = []\n",
                             "f.toml");
  ASSERT_TRUE(config) << config.error().message;
  std::vector<std::string> got;
  for (const ConfigEntry& entry : config->entries) // in the order of the keys
    got.push_back(entry.key + " " + std::to_string(entry.line) + " " +
                  std::to_string(static_cast<int>(entry.kind)) + (entry.is_list ? " list" : "") +
                  testing::PrintToString(entry.values));
  EXPECT_THAT(got, ElementsAre("all 3 0{ \"true\" }", "exe 8 4 list{}",
                               "listen 2 3{ \"127.0.0.1:1\" }", "stack-bytes 4 1{ \"16\" }",
                               "stack-interval 5 2{ \"1.5\" }", "uid 6 1 list{ \"1\", \"2\" }"));
}

TEST(ConfigFile, ReadsAllowRules) {
  auto config = parse_config("[[allow]]\nexe = \"/usr/bin/a*\"\nfunction = \"malloc\"\n"
                             "[[allow]]\nfunction = \"free\"\n",
                             "f.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->allow.size(), 2u);
  EXPECT_EQ(config->allow[0].exe, "/usr/bin/a*");
  EXPECT_EQ(config->allow[0].function, "malloc");
  EXPECT_EQ(config->allow[1].exe, "");
}

TEST(ConfigFile, ReadsFunctions) {
  auto config = parse_config("[[function]]\nname = \"app_log\"\nlibrary = \"libapp.so*\"\n"
                             "category = \"syslog\"\nseverity = \"high\"\nadvice = \"Do not.\"\n"
                             "[[function]]\nname = \"app_get\"\nlibrary = \"*\"\n",
                             "f.toml");
  ASSERT_TRUE(config) << config.error().message;
  const UserFunction first{.name = "app_log",
                           .library = "libapp.so*",
                           .category = Category::syslog,
                           .severity = Severity::high,
                           .advice = "Do not."};
  const UserFunction second{.name = "app_get",
                            .library = "*",
                            .category = Category::locks,
                            .severity = Severity::warning,
                            .advice = ""};
  EXPECT_TRUE(config->functions == std::vector({first, second}));
}

TEST(ConfigFile, SaysWhereAMistakeIs) {
  EXPECT_THAT(error_of("a = 1\nb = \n"), StartsWith("f.toml:2: "));
  EXPECT_THAT(error_of("a = 1\na = 2\n"), StartsWith("f.toml:2: "));
  EXPECT_EQ(error_of("uid = [1, \"a\"]"), "f.toml:1: uid: a list of values of one type is wanted");
  EXPECT_EQ(error_of("\n[[allow]]\nexe = \"a\"\nfunctoin = \"b\""),
            "f.toml:4: [[allow]]: unknown key functoin");
  EXPECT_EQ(error_of("[[allow]]\nexe = 5"), "f.toml:2: [[allow]]: exe: a text is wanted");
  EXPECT_EQ(error_of("[[allow]]\nexe = \"\""), "f.toml:2: [[allow]]: exe: a text is wanted");
  EXPECT_EQ(error_of("[[allow]]\n"), "f.toml:1: [[allow]]: exe or function is missing");
  EXPECT_EQ(error_of("[allow]\nexe = \"a\""),
            "f.toml:1: allow: tables are wanted, 1024 at most: [[allow]]");
  EXPECT_EQ(error_of("allow = [1]"), "f.toml:1: allow: a table is wanted: [[allow]]");
  EXPECT_EQ(error_of("[[function]]\nname = \"a\""), "f.toml:1: [[function]]: library is missing");
  EXPECT_EQ(error_of("[[function]]\nname = \"a\"\nlibrary = \"b\"\nseverity = \"critical\""),
            "f.toml:4: [[function]]: severity: info, warning or high is wanted, not critical");
  EXPECT_THAT(error_of("[[function]]\nname = \"a\"\nlibrary = \"b\"\ncategory = \"\\u001b\\n\""),
              EndsWith("is wanted, not \\x1b\\x0a"));
}

TEST(ConfigFile, BoundsWhatItReads) {
  std::string dotted = "a";
  for (int i = 0; i < 100'000; i++)
    dotted += ".a";
  EXPECT_EQ(error_of("b = 1\n" + dotted + " = 1\n"),
            "f.toml:2: the line is longer than 4096 bytes");
  std::string header = dotted.substr(0, 4000);
  header.pop_back();
  EXPECT_TRUE(parse_config("[" + header + "]\n" + header + " = 1\n", "f.toml"));
  EXPECT_THAT(error_of("a = " + std::string(4000, '[')), HasSubstr("nested"));
  EXPECT_THAT(error_of("a = \"\xff\xfe\""), StartsWith("f.toml:1: "));
  EXPECT_NE(error_of(std::string("a = \0", 5)), "none");
  std::string many;
  for (int i = 0; i < 2000; i++)
    many += "[[allow]]\nexe=\"a\"\n";
  EXPECT_THAT(error_of(many), HasSubstr("1024 at most"));
}

TEST(ConfigFile, ReadsRegularFilesOnly) {
  const std::string path = testing::TempDir() + "forkmon_config." + std::to_string(getpid());
  std::ofstream(path) << "all = true\n";
  EXPECT_TRUE(read_config(path));
  std::ofstream(path) << std::string(2U << 20, '#');
  EXPECT_THAT(read_config(path).error().message, EndsWith("larger than 1048576 bytes"));
  std::filesystem::remove(path);
  EXPECT_EQ(read_config(path).error().message, path + ": No such file or directory");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_config(path).error().message, path + ": not a regular file");
  std::filesystem::remove(path);
  EXPECT_EQ(read_config("/dev/zero").error().message, "/dev/zero: not a regular file");
}

} // namespace
} // namespace forkmon
