// SPDX-License-Identifier: MIT
#include "app/privileges.h"

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
// - CAP_DAC_READ_SEARCH: files of libraries and symbols, whoever may read them.
constexpr cap_value_t kept[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};

struct FreeCapabilities {
  void operator()(cap_t capabilities) const { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

} // namespace

Status drop_start_privileges() {
  const Capabilities now(cap_get_proc());
  const Capabilities fewer(cap_init());
  if (!now || !fewer)
    return Error::from_errno("cannot read our capabilities", errno);
  for (const cap_value_t capability : kept) {
    cap_flag_value_t has = CAP_CLEAR;
    cap_get_flag(now.get(), capability, CAP_PERMITTED, &has);
    cap_set_flag(fewer.get(), CAP_PERMITTED, 1, &capability, has);
    cap_set_flag(fewer.get(), CAP_EFFECTIVE, 1, &capability, has);
  }
  if (cap_set_proc(fewer.get()) != 0)
    return Error::from_errno("cannot drop capabilities", errno);
  return ok();
}

} // namespace forkmon
