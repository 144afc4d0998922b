// SPDX-License-Identifier: MIT
/// What the running kernel can do for BPF programs, by its own description and not by its number:
/// distributions bring features to older kernels.
#pragma once

#include <optional>
#include <string>

namespace forkmon {

/// Read from the kernel's BTF. The numbers say in which release of Linux it came.
struct KernelFeatures {
  bool task_storage = false;       ///< for tracing programs: 5.13 (a10787e6d58c)
  bool loops = false;              ///< bpf_loop: 5.17
  bool finds_mappings = false;     ///< bpf_find_vma: 5.17
  bool iterates_tasks = false;     ///< iter/task: 5.8
  bool iterates_one_task = false;  ///< iter/task_vma of one task: 6.1
  bool traces_page_faults = false; ///< tracepoint page_fault_user: x86 and RISC-V

  /// All false where the kernel has no BTF.
  static KernelFeatures of_running_kernel();

  /// Why it cannot show calls, by probes or page faults; nothing where it can.
  std::optional<std::string> why_no_calls() const;
  bool shows_calls() const { return !why_no_calls(); }
};

} // namespace forkmon
