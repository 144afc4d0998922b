/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* From an instruction pointer to the file that holds the instruction. */
#ifndef FORKMON_MAPPINGS_BPF_H
#define FORKMON_MAPPINGS_BPF_H

#include "common.bpf.h"

/* log2 of the page size: the unit of vm_pgoff. */
extern const volatile __u32 page_shift;

static long copy_mapping(struct task_struct* task, struct vm_area_struct* vma,
                         struct mapping* found) {
  struct file* file = vma->vm_file;

  found->start = vma->vm_start;
  found->end = vma->vm_end;
  if (!file)
    return 0;
  found->file_offset = vma->vm_pgoff << page_shift;
  found->inode = file->f_inode->i_ino;
  found->dev = file->f_inode->i_sb->s_dev;
  return 0;
}

static __always_inline bool covers(const struct mapping* mapping, __u64 ip) {
  return ip >= mapping->start && ip < mapping->end;
}

/* The mapping that holds the instruction, as it is now. Fails while the mmap lock is taken. */
static __always_inline bool look_up_mapping(struct task_struct* task, __u64 ip,
                                            struct mapping* found) {
  return !bpf_find_vma(task, ip, copy_mapping, found, 0) && covers(found, ip);
}

#endif /* FORKMON_MAPPINGS_BPF_H */
