// SPDX-License-Identifier: MIT
#include "sinks/json.h"

#include "sinks/inexact_text.h"
#include "sinks/stuck_text.h"
#include "util/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>

namespace forkmon {
namespace {

using Json = nlohmann::ordered_json;

template <typename F>
Json common(const char* kind, const F& finding, const WallClock& clock) {
  return {{"kind", kind},
          {"time", clock.rfc3339(finding.time_ns)},
          {"severity", to_string(finding.severity)}};
}

void add_subject(Json& json, const Subject& subject) {
  const auto& [parent, child, uid, cgroup, container] = subject;
  json["parent"] = {{"pid", parent.pid},
                    {"comm", valid_utf8(parent.comm)},
                    {"exe", valid_utf8(parent.exe)},
                    {"threads", parent.threads}};
  if (parent.ended)
    json["parent"]["ended"] = true;
  json["child"] = {{"pid", child.pid}, {"comm", valid_utf8(child.comm)}};
  json["container"] = container ? Json(valid_utf8(container->id)) : Json(nullptr);
  json["uid"] = uid;
  if (!cgroup.empty())
    json["cgroup"] = valid_utf8(cgroup);
}

Json to_json(const Frame& frame) {
  Json json = {{"function", valid_utf8(frame.function)},
               {"module", valid_utf8(frame.module)},
               {"offset", frame.offset}};
  if (!frame.source.empty())
    json["source"] = valid_utf8(frame.source);
  return json;
}

Json to_json(const std::vector<Frame>& stack) {
  Json json = Json::array();
  for (const Frame& frame : stack)
    json.push_back(to_json(frame));
  return json;
}

Json to_json(const UnsafeCallFinding& call, const WallClock& clock) {
  Json json = common("unsafe_call", call, clock);
  add_subject(json, call.subject);
  json["function"] = valid_utf8(call.function);
  json["category"] = valid_utf8(call.category);
  json["library"] = valid_utf8(call.library);
  json["protected"] = call.is_protected;
  json["evidence"] = to_string(call.evidence);
  json["since_fork_us"] = call.since_fork_us;
  json["stack"] = to_json(call.stack);
  json["advice"] = valid_utf8(call.advice);
  return json;
}

// An address is text: it does not fit into the doubles that many readers take numbers for.
Json to_json(const Lock& lock) {
  return {{"kind", to_string(lock.kind)},
          {"address", lock.address != 0 ? Json(fmt::format("{:#x}", lock.address)) : Json(nullptr)},
          {"symbol", lock.symbol.empty() ? Json(nullptr) : Json(valid_utf8(lock.symbol))}};
}

Json to_json(const std::optional<LockOwner>& owner) {
  if (!owner)
    return nullptr;
  return {{"tid", owner->tid},           {"comm", valid_utf8(owner->comm)},
          {"alive", owner->alive},       {"self", owner->is_self},
          {"in_child", owner->in_child}, {"forker", owner->is_forker}};
}

Json python_traceback(const std::vector<Frame>& frames) {
  Json json = Json::array();
  for (const Frame& frame : frames)
    json.push_back(
        {{"function", valid_utf8(frame.function)}, {"source", valid_utf8(frame.source)}});
  return json;
}

std::string sentences(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + " " + second;
}

Json to_json(const DeadlockFinding& deadlock, const WallClock& clock) {
  Json json = common("deadlock", deadlock, clock);
  add_subject(json, deadlock.subject);
  json["proof"] = deadlock.proof;
  json["reason"] = deadlock.proof ? Json(nullptr) : Json(stuck_reason_text(deadlock));
  json["lock"] = to_json(deadlock.lock);
  json["owner"] = to_json(deadlock.lock.owner);
  json["since_fork_us"] = deadlock.since_fork_us;
  json["waited_ms"] = deadlock.waited_ms;
  json["stack"] = to_json(deadlock.stack);
  json["owner_stack"] = to_json(deadlock.owner_stack);
  json["python"] = python_traceback(deadlock.python);
  json["remedy"] = to_string(deadlock.remedy);
  json["advice"] = valid_utf8(sentences(deadlock.now, deadlock.advice));
  return json;
}

Json to_json(const DeadlockOverFinding& over, const WallClock& clock) {
  if (!over.child_lives)
    return nullptr; // its "child" line says how it ended
  Json json = common("deadlock_over", over, clock);
  add_subject(json, over.subject);
  return json;
}

// The contract names functions only, so the calls of one name in two libraries are one number.
Json calls_by_function(const std::vector<CallCount>& calls) {
  std::map<std::string, std::uint64_t> sums;
  for (const CallCount& call : calls)
    sums[valid_utf8(call.function)] += call.count;
  Json json = Json::object();
  for (const auto& [function, count] : sums)
    json[function] = count;
  return json;
}

Json to_json(const ChildFinding& child, const WallClock& clock) {
  const bool ended = child.outcome == Outcome::exit || child.outcome == Outcome::signal;
  Json json = common("child", child, clock);
  add_subject(json, child.subject);
  json["outcome"] = to_string(child.outcome);
  json["status"] = ended ? Json(child.status) : Json(nullptr);
  json["lifetime_us"] = child.lifetime_us;
  json["calls"] = calls_by_function(child.calls);
  json["exact"] = child.exact;
  json["inexact_reason"] = child.exact ? Json(nullptr) : Json(valid_utf8(inexact_text(child)));
  json["counted_from_us"] = child.counted_from_us ? Json(*child.counted_from_us) : Json(nullptr);
  json["unresolved_hits"] = child.unresolved_hits;
  json["deadlocked"] = child.deadlocked;
  if (!child.advice.empty())
    json["advice"] = valid_utf8(child.advice);
  return json;
}

Json to_json(const LostFinding& lost, const WallClock& clock) {
  Json json = common("lost", lost, clock);
  json["sensor"] = valid_utf8(lost.sensor);
  json["count"] = lost.count;
  return json;
}

Json to_json(const TaintedForkFinding&, const WallClock&) {
  return nullptr;
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

} // namespace

std::string to_json_line(const Finding& finding, const WallClock& clock) {
  const Json json = std::visit([&](const auto& f) { return to_json(f, clock); }, finding);
  return json.is_null() ? std::string() : line_of(json);
}

std::string to_json_line(const SuppressedLines& suppressed, const WallClock& clock) {
  Json json = common("suppressed", suppressed, clock);
  json["exe"] = valid_utf8(suppressed.exe);
  json["rule"] = valid_utf8(suppressed.rule);
  json["count"] = suppressed.count;
  json["since"] = clock.rfc3339(suppressed.since_ns);
  return line_of(json);
}

Status JsonSink::on(const Finding& finding) {
  return output_.write(to_json_line(finding, clock_));
}

Status JsonSink::on(const SuppressedLines& suppressed) {
  return output_.write(to_json_line(suppressed, clock_));
}

} // namespace forkmon
