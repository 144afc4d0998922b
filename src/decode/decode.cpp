// SPDX-License-Identifier: MIT
#include "decode/decode.h"

#include "forkmon/wire.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <type_traits>

namespace forkmon {
namespace {

/// A copy, because the ring buffer promises an alignment of 8 bytes and tests promise none.
template <typename Record>
std::optional<Record> copy_of(std::span<const std::byte> bytes) {
  static_assert(std::is_trivially_copyable_v<Record>);
  if (bytes.size() < sizeof(Record))
    return std::nullopt;
  Record record;
  std::memcpy(&record, bytes.data(), sizeof(record));
  return record;
}

/// A kernel string: up to the first NUL, or all of it where there is none.
template <std::size_t size>
std::string text_of(const char (&chars)[size]) {
  return std::string(chars, std::find(chars, chars + size, '\0'));
}

ChildRef child_of(const fm_child& child) {
  ChildRef ref;
  ref.key = {child.pid, child.fork_time_ns};
  ref.start_ticks = child.start_ns / FM_TICK_NS;
  ref.parent_pid = child.parent_pid;
  ref.parent_start_ticks = child.parent_start_ns / FM_TICK_NS;
  ref.parent_threads = child.parent_threads;
  ref.armed = (child.flags & FM_CHILD_ARMED) != 0;
  ref.parent_tainted = (child.flags & FM_CHILD_PARENT_TAINTED) != 0;
  ref.adopted = (child.flags & FM_CHILD_ADOPTED) != 0;
  ref.unsure = (child.flags & FM_CHILD_UNSURE) != 0;
  ref.leaderless = (child.flags & FM_CHILD_LEADERLESS) != 0;
  return ref;
}

Result<Event> event_of(const fm_fork_record& record) {
  ForkEvent event;
  event.time_ns = record.record.time_ns;
  event.child = child_of(record.child);
  event.cgroup_id = record.cgroup_id;
  event.exe_id = {record.exe_dev, record.exe_inode};
  event.exe = text_of(record.exe_name);
  event.uid = record.uid;
  event.parent_tid = record.parent_tid;
  event.parent_execs = record.parent_execs;
  event.fork_ip = record.fork_ip;
  event.fork_stack.assign(std::begin(record.fork_stack), std::end(record.fork_stack));
  event.parent_comm = text_of(record.parent_comm);
  event.child_comm = text_of(record.child_comm);
  return Event{std::move(event)};
}

Evidence evidence_of(std::uint32_t kind) {
  bool is_fault = kind == FM_RECORD_FAULT || kind == FM_RECORD_FAULT_STACK;
  return is_fault ? Evidence::page_fault : Evidence::uprobe;
}

Result<CallEvent> call_of(const fm_call_record& record) {
  if (record.function >= FM_MAX_FUNCTIONS)
    return Error{fmt::format("a call of function {}, which cannot be", record.function)};
  CallEvent event;
  event.time_ns = record.record.time_ns;
  event.child = child_of(record.child);
  event.evidence = evidence_of(record.record.kind);
  event.function = record.function;
  event.library = record.library;
  event.tid = record.tid;
  event.ip = record.ip;
  event.comm = text_of(record.comm);
  return event;
}

Result<Event> event_of(const fm_call_record& record) {
  auto call = call_of(record);
  if (!call)
    return call.error();
  return Event{std::move(*call)};
}

Result<Event> event_of(const fm_call_stack_record& record) {
  if (record.stack_bytes > FM_MAX_STACK_BYTES)
    return Error{fmt::format("a stack of {} bytes, which cannot be", record.stack_bytes)};
  auto call = call_of(record.call);
  if (!call)
    return call.error();
  StackCopy copy;
  for (std::uint32_t number = 0; number < FM_REGISTERS; ++number) {
    if ((record.known_registers >> number & 1) != 0)
      copy.registers.emplace_back(number, record.registers[number]);
  }
  copy.start = record.stack_start;
  copy.bytes.assign(record.stack, record.stack + record.stack_bytes);
  call->stack_copy = std::move(copy);
  return Event{std::move(*call)};
}

Result<Event> event_of(const fm_calls_record& record) {
  CallsEvent event;
  event.time_ns = record.record.time_ns;
  event.child = child_of(record.child);
  for (FunctionId id = 0; id < FM_MAX_FUNCTIONS; ++id) {
    if (record.counts[id] != 0)
      event.counts.emplace_back(id, record.counts[id]);
  }
  return Event{std::move(event)};
}

Result<Event> event_of(const fm_end_record& record) {
  if (record.outcome != FM_OUTCOME_EXEC && record.outcome != FM_OUTCOME_EXIT)
    return Error{fmt::format("an end with outcome {}, which cannot be", record.outcome)};
  EndEvent event;
  event.time_ns = record.record.time_ns;
  event.child = child_of(record.child);
  event.how = record.outcome == FM_OUTCOME_EXEC ? EndEvent::How::exec : EndEvent::How::exit;
  event.wait_status = static_cast<int>(record.exit_code);
  event.calls = record.calls;
  event.unresolved_hits = record.unresolved_hits;
  event.comm = text_of(record.comm);
  return Event{std::move(event)};
}

Result<Event> event_of(const fm_exe_record& record) {
  ExeEvent event;
  event.time_ns = record.record.time_ns;
  event.exe_id = {record.exe_dev, record.exe_inode};
  event.pid = record.pid;
  event.path = text_of(record.path);
  return Event{std::move(event)};
}

template <typename Record>
Result<Event> decode_as(std::span<const std::byte> bytes) {
  const auto record = copy_of<Record>(bytes);
  if (!record || bytes.size() != sizeof(Record))
    return Error{fmt::format("a record of {} bytes where {} belong", bytes.size(), sizeof(Record))};
  return event_of(*record);
}

} // namespace

Result<Event> decode(std::span<const std::byte> bytes) {
  const auto header = copy_of<fm_record>(bytes);
  if (!header)
    return Error{fmt::format("a record of {} bytes, too short for any", bytes.size())};
  if (header->size != bytes.size())
    return Error{fmt::format("a record of {} bytes that says {}", bytes.size(), header->size)};
  switch (header->kind) {
  case FM_RECORD_FORK:
    return decode_as<fm_fork_record>(bytes);
  case FM_RECORD_CALL:
  case FM_RECORD_FAULT:
    return decode_as<fm_call_record>(bytes);
  case FM_RECORD_CALLS:
    return decode_as<fm_calls_record>(bytes);
  case FM_RECORD_END:
    return decode_as<fm_end_record>(bytes);
  case FM_RECORD_CALL_STACK:
  case FM_RECORD_FAULT_STACK:
    return decode_as<fm_call_stack_record>(bytes);
  case FM_RECORD_EXE:
    return decode_as<fm_exe_record>(bytes);
  default:
    return Error{fmt::format("a record of unknown kind {}", header->kind)};
  }
}

} // namespace forkmon
