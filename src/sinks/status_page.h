// SPDX-License-Identifier: MIT
/// The agent's state as a web page, for someone who opens its address in a browser.
#pragma once

#include "sinks/offender.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace forkmon {

struct AgentStatus {
  std::string version;
  std::string config_file;                   ///< empty without one
  std::map<std::string, bool> sensor_active; ///< by sensor
  std::vector<std::string> missing_sensors;  ///< required ones that are not at work
  std::uint64_t unresolved_hits = 0;         ///< of probes that could not be matched to a library
  std::vector<Offender> offenders;           ///< the worst first
};

/// HTML, with all text escaped. It needs no script and no other file.
std::string status_page(const AgentStatus& status);

/// Text as it stands in HTML, in an element or a quoted attribute: printable, and escaped.
std::string escape_html(std::string_view raw);

} // namespace forkmon
