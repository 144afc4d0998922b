// SPDX-License-Identifier: MIT
#include "sensors/check.h"

#include "process/pid_namespace.h"
#include "process/proc.h"
#include "sensors/bpf_programs.h"
#include "sensors/probes.h"
#include "sensors/tracefs.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <charconv>

namespace forkmon {
namespace {

struct Capability {
  unsigned bit;
  const char* name;
};

// kernel/bpf/syscall.c, kernel/events/core.c; reading other users' /proc/PID needs ptrace access.
constexpr Capability needed[] = {
    {CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}, {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}};

std::uint64_t effective_capabilities() {
  auto status = read_file("/proc/self/status");
  constexpr std::string_view key = "\nCapEff:\t";
  std::uint64_t bits = 0;
  auto at = status ? status->find(key) : std::string::npos;
  if (at != std::string::npos) {
    const char* start = status->data() + at + key.size();
    std::from_chars(start, status->data() + status->size(), bits, 16);
  }
  return bits;
}

bool has(std::uint64_t bits, unsigned capability) {
  return (bits >> capability & 1U) != 0;
}

/// CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON.
std::optional<std::string> missing_capability() {
  std::uint64_t bits = effective_capabilities();
  for (const Capability& capability : needed) {
    bool by_admin = capability.bit != CAP_SYS_PTRACE && has(bits, CAP_SYS_ADMIN);
    if (!has(bits, capability.bit) && !by_admin)
      return fmt::format("{} is missing: {}", capability.name,
                         geteuid() == 0 ? "add it to the container or unit" : "run as root (sudo)");
  }
  return std::nullopt;
}

/// "none [integrity] confidentiality": the one in brackets is in force (kernel_lockdown(7)).
bool is_locked_down() {
  auto state = read_file("/sys/kernel/security/lockdown", 256);
  return state && state->find("[confidentiality]") != std::string::npos;
}

/// What a container's own pid namespace hides from us.
std::string reach() {
  const auto own = own_pid_namespace();
  return own && own->sees_whole_host()
             ? ""
             : fmt::format("; of this pid namespace only: for the whole host use its own ({})",
                           ways_to_host_pid_namespace);
}

SensorCheck check_lifecycle() {
  SensorCheck check{"lifecycle", true, false, "", "no child is known to be tainted"};
  if (auto missing = missing_prerequisite()) {
    check.detail = *missing;
    return check;
  }
  auto programs = BpfPrograms::load({.ring_bytes = 65536});
  Status attached = programs ? (*programs)->attach_lifecycle() : Status(programs.error());
  check.usable = static_cast<bool>(attached);
  check.detail = attached ? "BTF tracepoints sched_process_fork, _exec, _exit" + reach()
                          : attached.error().message;
  return check;
}

SensorCheck check_page_faults() {
  SensorCheck check{"page_faults", false, false, "",
                    "unsafe calls of children that carry no probes are not seen"};
  if (auto missing = missing_prerequisite()) {
    check.detail = *missing;
    return check;
  }
  auto programs = BpfPrograms::load({.ring_bytes = 65536});
  Status attached = programs ? (*programs)->attach_page_faults() : Status(programs.error());
  check.usable = static_cast<bool>(attached);
  check.detail = attached ? "BTF tracepoint page_fault_user" : attached.error().message;
  return check;
}

Status try_probes() {
  if (auto missing = missing_prerequisite())
    return Error{*missing};
  if (auto reason = KernelFeatures::of_running_kernel().why_no_calls())
    return Error{*reason};
  if (auto anchor = Anchor::create(); !anchor)
    return anchor.error();
  auto events = UprobeEvents::create();
  if (!events)
    return events.error();
  auto self = mapped_files(getpid());
  if (!self)
    return self.error();
  for (const MappedFile& file : *self) {
    if (file.path.find("/libc.so") == std::string::npos)
      continue;
    std::vector<ProbePoint> points{{file.path, 0}};
    auto id = events->define("check", points);
    return id ? ok() : Status(id.error());
  }
  return ok();
}

SensorCheck check_probes() {
  SensorCheck check{"probes", false, false, "", "unsafe calls are not seen, only tainted children"};
  auto tried = try_probes();
  check.usable = static_cast<bool>(tried);
  check.detail = tried ? "tracefs uprobe events" : tried.error().message;
  return check;
}

} // namespace

std::optional<std::string> missing_prerequisite() {
  if (auto missing = missing_capability())
    return missing;
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return "the kernel has no BTF (/sys/kernel/btf/vmlinux): use one built with "
           "CONFIG_DEBUG_INFO_BTF=y, as distributions do since 2020";
  if (is_locked_down())
    return "the kernel is locked down for confidentiality, which forbids BPF to read kernel "
           "memory: "
           "boot with lockdown=integrity or none";
  return std::nullopt;
}

std::vector<SensorCheck> check_sensors() {
  return {check_lifecycle(), check_probes(), check_page_faults()};
}

} // namespace forkmon
