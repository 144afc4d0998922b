// SPDX-License-Identifier: MIT
/// What one finding costs each sink; outputs go to /dev/null.
#include "http/client.h"
#include "http/listen_socket.h"
#include "http/server.h"
#include "sinks/full_host.h"
#include "sinks/json.h"
#include "sinks/table.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <string>

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

// A finding of an executable that is not shown: each folds the least recently used one.
void metrics_overflow(benchmark::State& state) {
  Metrics sink("0");
  samples::fill(sink);
  TaintedForkFinding fork{.subject = samples::subject()};
  for (auto _ : state) {
    fork.subject.parent.exe = "/usr/bin/other" + std::to_string(++fork.time_ns % 1000);
    sink.on(fork);
  }
}
BENCHMARK(metrics_overflow);

// What the agent does once a second.
void metrics_update(benchmark::State& state) {
  Metrics sink("0");
  samples::fill(sink);
  const KernelTotals totals = samples::full_totals();
  const AgentState agent = samples::full_state();
  for (auto _ : state)
    sink.update(totals, agent, 300 * samples::second_ns);
}
BENCHMARK(metrics_update)->Unit(benchmark::kMicrosecond);

// A full host's text alone.
void metrics_text(benchmark::State& state) {
  Metrics sink("0");
  samples::fill(sink);
  for (auto _ : state)
    benchmark::DoNotOptimize(sink.text());
  const std::string text = sink.text();
  std::size_t comments = 0;
  for (std::size_t at = 0; (at = text.find("# ", at)) != std::string::npos; ++at)
    ++comments;
  state.counters["series"] =
      static_cast<double>(std::ranges::count(text, '\n')) - static_cast<double>(comments);
}
BENCHMARK(metrics_text)->Unit(benchmark::kMicrosecond);

// The same as a scraper gets it: a connection, a request and the answer.
void metrics_scrape(benchmark::State& state) {
  Metrics sink("0");
  samples::fill(sink);
  const auto socket = listen_on("127.0.0.1:0");
  const auto server = HttpServer::start(*socket, std::nullopt, [&sink](const HttpRequest&) {
    return HttpResponse{.body = sink.text()};
  });
  std::size_t bytes = 0;
  for (auto _ : state)
    bytes = get(port_of(*socket), "/metrics").size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(metrics_scrape)->Unit(benchmark::kMicrosecond)->UseRealTime();

} // namespace
} // namespace forkmon
