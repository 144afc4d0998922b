/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * From an instruction pointer to the file that holds the instruction.
 *
 * bpf_find_vma fails while another thread of the child maps memory (it only tries the mmap lock),
 * which a child that allocates in threads does all the time: so what was found once is remembered.
 */
#ifndef FORKMON_MAPPINGS_BPF_H
#define FORKMON_MAPPINGS_BPF_H

#include "common.bpf.h"

/* log2 of the page size: the unit of vm_pgoff. */
extern const volatile __u32 page_shift;

static long copy_mapping(struct task_struct* task, struct vm_area_struct* vma,
                         struct fm_mapping* found) {
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

static __always_inline bool covers(const struct fm_mapping* mapping, __u64 ip) {
  return ip >= mapping->start && ip < mapping->end;
}

/* The mapping that holds the instruction; without a file, its inode is 0. */
static __always_inline bool find_mapping(struct task_struct* task, struct fm_mappings* known,
                                         __u64 ip, struct fm_mapping* found) {
  __u32 i;

  for (i = 0; i < FM_MAPPINGS; i++) {
    if (covers(&known->of[i], ip)) {
      *found = known->of[i];
      return true;
    }
  }
  if (bpf_find_vma(task, ip, copy_mapping, found, 0) || !covers(found, ip))
    return false;
  known->of[known->next++ % FM_MAPPINGS] = *found;
  return true;
}

#endif /* FORKMON_MAPPINGS_BPF_H */
