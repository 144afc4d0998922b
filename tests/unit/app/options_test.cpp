// SPDX-License-Identifier: MIT
#include "app/options.h"

#include "app/agent.h"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

/// The options of a command line, with a configuration file of this content.
Result<Options> options_of(const std::string& config, std::vector<std::string> arguments = {}) {
  const std::string path = testing::TempDir() + "forkmon_options." + std::to_string(getpid());
  std::ofstream(path) << config;
  arguments.insert(arguments.begin(), {"forkmon", "--config", path});
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  auto options = reread_options(static_cast<int>(argv.size()), argv.data());
  std::filesystem::remove(path);
  if (options)
    return options;
  const std::string& why = options.error().message;
  return Error{why.starts_with(path) ? why.substr(path.size()) : why};
}

std::string error_of(const std::string& config, std::vector<std::string> arguments = {}) {
  auto options = options_of(config, std::move(arguments));
  return options ? "none" : options.error().message;
}

TEST(Options, OfTheFileAreThoseOfTheCommandLine) {
  auto options = options_of("listen = \"0.0.0.0:1\"\nprobe = \"all\"\nall = true\nexe = \"a*\"\n"
                            "comm = [\"b\", \"c\"]\nuid = [1, 2]\nstack-bytes = 1024\n"
                            "stack-interval = 2\nlog-burst = 3\nlog-interval = 4.5\n"
                            "log-level = \"debug\"\nformat = \"table\"\noutput = \"/dev/null\"\n"
                            "cgroup = \"/x\"\n[[allow]]\nexe = \"d\"\n");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->mode, Mode::agent);
  EXPECT_EQ(options->listen, "0.0.0.0:1");
  EXPECT_EQ(options->probe, ProbePolicy::all);
  EXPECT_TRUE(options->all);
  EXPECT_THAT(options->filters.exes, ElementsAre("a*"));
  EXPECT_THAT(options->filters.comms, ElementsAre("b", "c"));
  EXPECT_THAT(options->filters.cgroups, ElementsAre("/x"));
  EXPECT_THAT(options->filters.uids, ElementsAre(1, 2));
  EXPECT_EQ(options->stack_bytes, 1024u);
  EXPECT_EQ(options->stack_interval, 2);
  EXPECT_EQ(options->log_burst, 3u);
  EXPECT_EQ(options->log_interval, 4.5);
  EXPECT_EQ(options->log_level, LogLevel::debug);
  EXPECT_EQ(options->format, Format::table);
  EXPECT_EQ(options->output, "/dev/null");
  EXPECT_EQ(options->allow.size(), 1u);
}

TEST(Options, OfTheCommandLineGoFirst) {
  auto options = options_of("all = true\nexe = [\"a\", \"b\"]\nprobe = \"all\"\nlog-burst = 3\n",
                            {"--exe", "c", "--probe", "none", "--all=false"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_FALSE(options->all);
  EXPECT_THAT(options->filters.exes, ElementsAre("c"));
  EXPECT_EQ(options->probe, ProbePolicy::none);
  EXPECT_EQ(options->log_burst, 3u);
}

TEST(Options, MistakesOfTheFileHaveALineAndAKey) {
  EXPECT_EQ(error_of("lissten = \"x\""), ":1: unknown key lissten");
  EXPECT_EQ(error_of("\"\\u001b[31m\" = 1"), ":1: unknown key \\x1b[31m");
  EXPECT_EQ(error_of("\nlisten = 5"), ":2: listen: a text is wanted");
  EXPECT_EQ(error_of("listen = \"x\""), ":1: listen: not an IPv4 ADDR:PORT: x");
  EXPECT_EQ(error_of("listen = [\"127.0.0.1:1\"]"), ":1: listen: a text is wanted");
  EXPECT_EQ(error_of("all = \"yes\""), ":1: all: true or false is wanted");
  EXPECT_EQ(error_of("uid = \"root\""), ":1: uid: a whole number, or a list of such, is wanted");
  EXPECT_NE(error_of("uid = -1"), "none");
  EXPECT_NE(error_of("uid = [1, 4294967296]"), "none");
  EXPECT_EQ(error_of("stack-bytes = 1.5"), ":1: stack-bytes: a whole number is wanted");
  EXPECT_THAT(error_of("stack-bytes = 16385"), // what follows differs by the version of CLI11
              StartsWith(":1: stack-bytes: Value 16385 not in range"));
  EXPECT_EQ(error_of("stack-interval = nan"), ":1: stack-interval: not a number: nan");
  EXPECT_THAT(error_of("stack-interval = inf"),
              StartsWith(":1: stack-interval: Value inf not in range"));
  EXPECT_EQ(error_of("probe = \"1\""), ":1: probe: one of auto, all, none is wanted, not 1");
  EXPECT_EQ(error_of("[probe]\nx = 1"), ":1: probe: a text is wanted");
}

TEST(Options, OfOneRunAreNotForTheFile) {
  for (const char* key : {"trace", "check", "config", "version", "help"})
    EXPECT_EQ(error_of(std::string(key) + " = true"),
              ":1: " + std::string(key) + ": can be given on the command line only");
  EXPECT_EQ(error_of("pid = 1"), ":1: pid: can be given on the command line only");
}

TEST(Options, OfACommandNeedOne) {
  EXPECT_EQ(options_of("error-exitcode = 9").error().message.find("--error-exitcode needs"), 0u);
  EXPECT_TRUE(options_of("error-exitcode = 9\nuser = \"a\"", {"--trace", "--", "true"}));
}

TEST(Options, ThatTakeEffectAtTheNextStart) {
  const Options running;
  Options fresh;
  fresh.filters.exes = {"a"};
  fresh.allow = {{"a", ""}};
  fresh.log_burst = 1;
  fresh.output = "b";
  EXPECT_THAT(fixed_changes(running, fresh), ElementsAre());
  fresh.listen = "127.0.0.1:1";
  fresh.probe = ProbePolicy::none;
  fresh.probe_budget = 2;
  fresh.ring_bytes = 65536;
  fresh.bpf_stats = true;
  fresh.stack_bytes = 1;
  fresh.stack_interval = 1;
  fresh.functions.resize(1);
  EXPECT_THAT(fixed_changes(running, fresh),
              ElementsAre("listen", "probe", "probe-budget", "ring-bytes", "bpf-stats",
                          "stack-bytes", "stack-interval", "function"));
}

} // namespace
} // namespace forkmon
