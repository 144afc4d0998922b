// SPDX-License-Identifier: MIT
#include "sinks/status_page.h"

#include "util/text.h"

#include <fmt/format.h>

namespace forkmon {
namespace {

constexpr const char* style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64em;margin:2em auto;padding:0 1em;"
    "color:#222;background:#fff}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2em 1em .2em 0;"
    "border-bottom:1px solid #ddd}td.n,th.n{text-align:right}td.c{font-family:monospace;"
    "overflow-wrap:anywhere}.bad{color:#b00020;font-weight:600}";

std::string sensors(const AgentStatus& status) {
  std::string rows;
  for (const auto& [sensor, active] : status.sensor_active)
    rows += fmt::format("<tr><td>{}</td><td{}</td></tr>\n", escape_html(sensor),
                        active ? ">at work" : " class=\"bad\">not at work");
  return "<h2>Sensors</h2>\n<table>\n" + rows + "</table>\n";
}

std::string row(const Offender& offender) {
  const bool is_stuck = offender.deadlocked_children > 0;
  return fmt::format("<tr><td class=\"c\">{}</td><td class=\"c\">{}</td><td class=\"n{}\">{}</td>"
                     "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
                     escape_html(offender.exe), escape_html(offender.container_id),
                     is_stuck ? " bad" : "", offender.deadlocked_children, offender.high_calls,
                     offender.warning_calls, offender.info_calls);
}

std::string offenders(const AgentStatus& status) {
  if (status.offenders.empty())
    return "<h2>Worst offenders</h2>\n<p>Nobody.</p>\n";
  std::string rows;
  for (const Offender& offender : status.offenders)
    rows += row(offender);
  return "<h2>Worst offenders</h2>\n<table>\n<tr><th>executable</th><th>container</th>"
         "<th class=\"n\">deadlocked children now</th><th class=\"n\">unsafe calls: high</th>"
         "<th class=\"n\">warning</th><th class=\"n\">info</th></tr>\n" +
         rows +
         "</table>\n<p>Calls since the agent started; who has done nothing for an hour is left "
         "out.</p>\n";
}

std::string readiness(const AgentStatus& status) {
  if (status.missing_sensors.empty())
    return "<p>Ready: all required sensors are at work.</p>\n";
  std::string missing;
  for (const std::string& sensor : status.missing_sensors)
    missing += (missing.empty() ? "" : ", ") + escape_html(sensor);
  return "<p class=\"bad\">Not ready: " + missing + "</p>\n";
}

std::string unresolved(const AgentStatus& status) {
  if (status.unresolved_hits == 0)
    return "";
  return fmt::format("<p class=\"bad\">{} hits of probes could not be matched to a library: these "
                     "calls are not counted, and the children that made them are not exact.</p>\n",
                     status.unresolved_hits);
}

} // namespace

std::string escape_html(std::string_view raw) {
  std::string text;
  for (const char c : for_terminal(raw)) {
    switch (c) {
    case '&':
      text += "&amp;";
      break;
    case '<':
      text += "&lt;";
      break;
    case '>':
      text += "&gt;";
      break;
    case '"':
      text += "&quot;";
      break;
    case '\'':
      text += "&#39;";
      break;
    default:
      text += c;
    }
  }
  return text;
}

std::string status_page(const AgentStatus& status) {
  const std::string config = status.config_file.empty() ? "none: options of the command line"
                                                        : escape_html(status.config_file);
  return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n"
                     "<title>forkmon</title>\n<style>{}</style>\n</head>\n<body>\n"
                     "<h1>forkmon {}</h1>\n"
                     "<p><a href=\"/metrics\">metrics</a> · <a href=\"/healthz\">healthz</a> · "
                     "<a href=\"/readyz\">readyz</a></p>\n{}<p>Configuration file: {}</p>\n{}{}"
                     "</body>\n</html>\n",
                     style, escape_html(status.version), readiness(status) + unresolved(status),
                     config, offenders(status), sensors(status));
}

} // namespace forkmon
