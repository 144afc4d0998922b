// SPDX-License-Identifier: MIT
/// What the correlator costs for a child's whole life, beside `range` other living children.
#include "correlate/correlator.h"
#include "correlate/events.h"

#include <benchmark/benchmark.h>

namespace forkmon {
namespace {

constexpr std::uint32_t first_bystander = 100'000;

FunctionTable table_of(std::uint32_t functions) {
  FunctionTable table;
  for (std::uint32_t i = 0; i < functions; i++)
    (void)table.add({"function_" + std::to_string(i), Category::allocator, Tier::hot, "libc.so.6",
                     true, Severity::warning, "Allocate before the fork."});
  return table;
}

/// A new child every time, as the correlator drops what it has seen before.
class Lives {
public:
  Lives(const FunctionTable& functions, std::int64_t bystanders) : correlator_(functions) {
    for (std::int64_t i = 0; i < bystanders; i++) {
      auto pid = first_bystander + static_cast<std::uint32_t>(i);
      (void)correlator_.on(script::forked(script::child(pid, 1)));
    }
  }

  std::size_t live(std::uint32_t calls) {
    ChildRef child = script::child(20, now_ns_ += 1000);
    std::size_t findings = correlator_.on(script::forked(child)).size();
    std::vector<std::pair<FunctionId, std::uint32_t>> counts;
    for (FunctionId id = 0; id < calls; id++) {
      findings += correlator_.on(script::called(child, id, now_ns_)).size();
      counts.emplace_back(id, 5);
    }
    findings += correlator_.on(script::counted(child, now_ns_, counts)).size();
    findings += correlator_.on(script::exited(child, now_ns_, 5 * calls)).size();
    return findings;
  }

private:
  Correlator correlator_;
  std::uint64_t now_ns_ = 1000;
};

void correlate_child_without_calls(benchmark::State& state) {
  FunctionTable functions = table_of(3);
  Lives lives(functions, state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(lives.live(0));
}
BENCHMARK(correlate_child_without_calls)->Arg(0)->Arg(1000)->Arg(10000);

void correlate_child_with_three_calls(benchmark::State& state) {
  FunctionTable functions = table_of(3);
  Lives lives(functions, state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(lives.live(3));
}
BENCHMARK(correlate_child_with_three_calls)->Arg(0)->Arg(1000)->Arg(10000);

} // namespace
} // namespace forkmon
