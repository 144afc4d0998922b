// SPDX-License-Identifier: MIT
#include "sinks/status_page.h"

#include <gmock/gmock.h>

namespace forkmon {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(EscapeHtml, LeavesNoWayOut) {
  EXPECT_EQ(escape_html("<script>alert('1')</script> & \""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;");
  EXPECT_EQ(escape_html("\x1b[31m\n\xff\xe2\x80\xae"), "\\x1b[31m\\x0a\\xff\\u{202e}");
  EXPECT_EQ(escape_html("/usr/bin/python3 é"), "/usr/bin/python3 é");
}

TEST(StatusPage, TellsVersionSensorsAndTheWorst) {
  AgentStatus status;
  status.version = "1.2.3";
  status.config_file = "/etc/forkmon/forkmon.toml";
  status.sensor_active = {{"lifecycle", true}, {"probes", false}};
  status.missing_sensors = {"probes"};
  status.offenders = {{.exe = "/usr/bin/python3",
                       .container_id = "containerd://0123",
                       .deadlocked_children = 2,
                       .high_calls = 30,
                       .warning_calls = 400,
                       .info_calls = 5000}};
  const std::string page = status_page(status);
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  for (const char* part :
       {"forkmon 1.2.3", "/etc/forkmon/forkmon.toml", "<td>lifecycle</td><td>at work</td>",
        "<td>probes</td><td class=\"bad\">not at work</td>", "Not ready: probes",
        "/usr/bin/python3", "containerd://0123", ">2</td>", ">30</td>", ">400</td>", ">5000</td>"})
    EXPECT_THAT(page, HasSubstr(part));
}

TEST(StatusPage, SaysThatAllIsWell) {
  const std::string page = status_page(AgentStatus());
  EXPECT_THAT(page, HasSubstr("Ready: all"));
  EXPECT_THAT(page, HasSubstr("Nobody."));
  EXPECT_THAT(page, HasSubstr("options of the command line"));
}

TEST(StatusPage, EscapesWhatProcessesAndFilesAreCalled) {
  const std::string evil = "/<img src=x onerror=alert(1)>\"'\x1b[2J";
  const std::string page = status_page({.version = evil,
                                        .config_file = evil,
                                        .sensor_active = {{evil, false}},
                                        .missing_sensors = {evil},
                                        .offenders = {{.exe = evil, .container_id = evil}}});
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;\\x1b[2J"));
}

} // namespace
} // namespace forkmon
