// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Tells the agent which files a process has mapped, in the very terms in which probes.bpf.c and
 * page_faults.bpf.c look them up: /proc/PID/maps has others on overlayfs, since Linux 6.8.
 */
#include "common.bpf.h"
#include "mappings.bpf.h"

/* include/linux/mm.h of the kernel. */
#define VM_EXEC 0x00000004

/* Each executable mapping of a file, as struct fm_mapping. */
SEC("?iter/task_vma")
int list_mapped_files(struct bpf_iter__task_vma* ctx) {
  struct vm_area_struct* vma = ctx->vma;
  struct mapping mapping = {};
  struct fm_mapping line = {};

  if (!vma || !vma->vm_file || !(vma->vm_flags & VM_EXEC))
    return 0;
  copy_mapping(ctx->task, vma, &mapping);
  line.start = mapping.start;
  line.end = mapping.end;
  line.file_offset = mapping.file_offset;
  line.file = mapping.file;
  /* Where the buffer is full, the kernel comes back with the same mapping. */
  bpf_seq_write(ctx->meta->seq, &line, sizeof(line));
  return 0;
}

/* Run by the agent, which has mapped a file into its own address space. */
SEC("?syscall")
int what_is_mapped_at(struct fm_own_mapping* ctx) {
  struct mapping mapping = {};

  if (look_up_mapping(bpf_get_current_task_btf(), ctx->address, &mapping))
    ctx->file = mapping.file;
  return 0;
}
