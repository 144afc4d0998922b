// SPDX-License-Identifier: MIT
#include "app/privileges.h"

#include "sensors/perf_event.h"

#include <sys/capability.h>

#include <cerrno>
#include <memory>
#include <type_traits>

namespace forkmon {
namespace {

// Measured by tests/e2e/test_privileges.py:
// - CAP_BPF: the maps are read and written;
// - CAP_PERFMON: suspects are armed, and threads of armed processes held;
// - CAP_SYS_PTRACE: /proc/PID/syscall, mem, maps and root of processes of any user;
// - CAP_DAC_READ_SEARCH: files of libraries and symbols, whoever may read them;
// - CAP_CHECKPOINT_RESTORE: the same through /proc/PID/map_files: deleted ones, and those of
//   containers (proc_map_files_get_link(), Linux 5.9).
constexpr cap_value_t kept[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
                                CAP_CHECKPOINT_RESTORE};

struct FreeCapabilities {
  void operator()(cap_t capabilities) const { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

bool has(const Capabilities& capabilities, cap_value_t capability) {
  cap_flag_value_t value = CAP_CLEAR;
  return cap_get_flag(capabilities.get(), capability, CAP_PERMITTED, &value) == 0 &&
         value == CAP_SET;
}

bool add(const Capabilities& capabilities, cap_value_t capability) {
  return cap_set_flag(capabilities.get(), CAP_PERMITTED, 1, &capability, CAP_SET) == 0 &&
         cap_set_flag(capabilities.get(), CAP_EFFECTIVE, 1, &capability, CAP_SET) == 0;
}

} // namespace

Status drop_start_privileges() {
  const Capabilities now(cap_get_proc());
  const Capabilities fewer(cap_init());
  if (!now || !fewer)
    return Error::from_errno("cannot read our capabilities", errno);
  bool done = true;
  bool needs_admin = perf_events_need_admin(); // suspects are armed by perf events
  for (const cap_value_t capability : kept) {
    if (has(now, capability))
      done = done && add(fewer, capability);
    else
      needs_admin = true; // the kernel takes CAP_SYS_ADMIN for most of them
  }
  if (needs_admin && has(now, CAP_SYS_ADMIN))
    done = done && add(fewer, CAP_SYS_ADMIN);
  if (!done || cap_set_proc(fewer.get()) != 0)
    return Error::from_errno("cannot drop capabilities", errno);
  return ok();
}

} // namespace forkmon
