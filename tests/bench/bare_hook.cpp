// SPDX-License-Identifier: MIT
/// bare_hook page_faults, or bare_hook calls PID: an empty BPF program at every page fault of the
/// system, or at malloc and free of a process, where forkmon has its own. What it costs is the
/// kernel's price for the hook, which no program can go below. Says "ready", and lets go at the end
/// of stdin.
#include "libc_sites.h"
#include "sensors/perf_event.h"
#include "sensors/tracefs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <string>

namespace forkmon::bench {
namespace {

Result<Fd> empty_program(bpf_prog_type type, const bpf_prog_load_opts& options) {
  constexpr std::array<bpf_insn, 2> return_zero{
      {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  int fd = bpf_prog_load(type, "empty", "MIT", return_zero.data(), return_zero.size(), &options);
  if (fd < 0)
    return Error::from_errno("cannot load an empty BPF program", -fd);
  return Fd(fd);
}

std::vector<Fd> at_page_faults() {
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
  options.attach_btf_id = static_cast<__u32>(
      std::max(0, libbpf_find_vmlinux_btf_id("page_fault_user", BPF_TRACE_RAW_TP)));
  std::vector<Fd> held;
  held.push_back(need(empty_program(BPF_PROG_TYPE_TRACING, options)));
  int link = bpf_raw_tracepoint_open(nullptr, held.back().get());
  held.push_back(link < 0 ? need<Fd>(Error::from_errno("cannot attach to page faults", -link))
                          : Fd(link));
  return held;
}

struct AtCalls {
  UprobeEvents events;
  Fd program;
  Fd event;
};

AtCalls at_calls(pid_t pid) {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  AtCalls held{need(UprobeEvents::create()), need(empty_program(BPF_PROG_TYPE_KPROBE, options)),
               Fd()};
  const MappedFile libc = libc_among(mapped_files(getpid()));
  constexpr std::array<std::string_view, 2> functions{"malloc", "free"};
  std::vector<ProbePoint> points;
  for (std::uint64_t offset : planned_sites(libc, functions))
    points.push_back({libc.path, offset});
  const std::uint64_t id = need(held.events.define("bare", points));
  held.event = need(open_tracepoint(id, pid, Inheritance::none));
  need(attach_program(held.event, held.program.get()));
  return held;
}

int hold() {
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF)
    ;
  return 0;
}

int run(std::span<const std::string_view> arguments) {
  if (arguments.size() == 1 && arguments[0] == "page_faults") {
    const auto held = at_page_faults();
    return hold();
  }
  if (arguments.size() == 2 && arguments[0] == "calls") {
    const AtCalls held = at_calls(std::atoi(arguments[1].data()));
    return hold();
  }
  std::fputs("usage: bare_hook page_faults | bare_hook calls PID\n", stderr);
  return 2;
}

} // namespace
} // namespace forkmon::bench

int main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  return forkmon::bench::run(arguments);
}
