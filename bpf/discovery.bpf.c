// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Attached to _dl_debug_state of dynamic loaders, which glibc's and musl's call when they have
 * mapped libraries, at the start of a program and at each dlopen, before any code of these runs:
 * the place that debuggers use. Only armed processes have the probe.
 */
#include "discovery.bpf.h"

SEC("?uprobe")
int on_loader(struct pt_regs* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct fm_family* family = family_of(task);

  if (family)
    tell_of_mapped(task, family, false);
  return 0;
}
