// SPDX-License-Identifier: MIT
/// What one record of each kind costs to decode.
#include "decode/decode.h"
#include "forkmon/wire.h"

#include <benchmark/benchmark.h>

#include <memory>

namespace forkmon {
namespace {

constexpr fm_child tainted_child{.fork_time_ns = 1000,
                                 .pid = 42,
                                 .parent_pid = 41,
                                 .parent_threads = 7,
                                 .flags = FM_CHILD_ARMED};

template <typename Record>
void decode_record(benchmark::State& state, const Record& record) {
  auto bytes = std::as_bytes(std::span(&record, 1));
  for (auto _ : state) {
    auto event = decode(bytes);
    if (!event)
      state.SkipWithError(event.error().message.c_str());
    benchmark::DoNotOptimize(event);
  }
}

template <typename Record>
std::unique_ptr<Record> make_record(fm_record_kind kind) {
  auto record = std::make_unique<Record>();
  *reinterpret_cast<fm_record*>(record.get()) = {kind, sizeof(Record), 2000};
  return record;
}

void decode_fork(benchmark::State& state) {
  auto record = make_record<fm_fork_record>(FM_RECORD_FORK);
  record->child = tainted_child;
  std::strcpy(record->exe_name, "python3.11");
  decode_record(state, *record);
}
BENCHMARK(decode_fork);

void decode_call(benchmark::State& state) {
  auto record = make_record<fm_call_record>(FM_RECORD_CALL);
  record->child = tainted_child;
  decode_record(state, *record);
}
BENCHMARK(decode_call);

void decode_call_with_stack(benchmark::State& state) {
  auto record = make_record<fm_call_stack_record>(FM_RECORD_CALL_STACK);
  record->call.child = tainted_child;
  record->stack_bytes = FM_MAX_STACK_BYTES;
  decode_record(state, *record);
}
BENCHMARK(decode_call_with_stack);

void decode_calls(benchmark::State& state) {
  auto record = make_record<fm_calls_record>(FM_RECORD_CALLS);
  record->child = tainted_child;
  for (std::uint32_t id = 0; id < 10; id++)
    record->counts[id * 7] = id + 1;
  decode_record(state, *record);
}
BENCHMARK(decode_calls);

void decode_end(benchmark::State& state) {
  auto record = make_record<fm_end_record>(FM_RECORD_END);
  record->child = tainted_child;
  record->outcome = FM_OUTCOME_EXIT;
  decode_record(state, *record);
}
BENCHMARK(decode_end);

} // namespace
} // namespace forkmon
