// SPDX-License-Identifier: MIT
/// What one finding costs each sink; outputs go to /dev/null.
#include "sinks/json.h"
#include "sinks/metrics.h"
#include "sinks/samples.h"
#include "sinks/table.h"

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace forkmon {
namespace {

Output null_output() {
  auto output = Output::open("/dev/null");
  if (!output)
    std::abort();
  return std::move(*output);
}

void deliver(benchmark::State& state, Sink& sink, const Finding& finding) {
  for (auto _ : state)
    if (!sink.on(finding))
      state.SkipWithError("not delivered");
}

void json(benchmark::State& state, const Finding& finding) {
  Output output = null_output();
  JsonSink sink(output, WallClock(0));
  deliver(state, sink, finding);
}
BENCHMARK_CAPTURE(json, unsafe_call, samples::call());
BENCHMARK_CAPTURE(json, child, samples::child(Outcome::exit));
BENCHMARK_CAPTURE(json, deadlock, samples::deadlock());

void table(benchmark::State& state, const Finding& finding) {
  Output output = null_output();
  TableSink sink(output, WallClock(0), false);
  deliver(state, sink, finding);
}
BENCHMARK_CAPTURE(table, unsafe_call, samples::call());
BENCHMARK_CAPTURE(table, child, samples::child(Outcome::exit));
BENCHMARK_CAPTURE(table, deadlock, samples::deadlock());

void metrics(benchmark::State& state, const Finding& finding) {
  Metrics sink("0");
  for (auto _ : state)
    sink.on(finding);
}
BENCHMARK_CAPTURE(metrics, unsafe_call, samples::call());
BENCHMARK_CAPTURE(metrics, child, samples::child(Outcome::exit));

void metrics_scrape(benchmark::State& state) {
  Metrics sink("0");
  sink.on(samples::call());
  sink.on(samples::child(Outcome::exit));
  for (auto _ : state)
    benchmark::DoNotOptimize(sink.text());
}
BENCHMARK(metrics_scrape);

} // namespace
} // namespace forkmon
