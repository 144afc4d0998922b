/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* From an instruction pointer to the file that holds the instruction. */
#ifndef FORKMON_MAPPINGS_BPF_H
#define FORKMON_MAPPINGS_BPF_H

#include "common.bpf.h"

/* log2 of the page size: the unit of vm_pgoff. */
extern const volatile __u32 page_shift;
/*
 * Whether the agent knows files by the address of their struct inode, which takes the iterator of
 * bpf/mapped_files.bpf.c. Device and number alone may be those of two files, because subvolumes of
 * a btrfs share their device and count alike.
 */
extern const volatile bool knows_inode_objects;

/*
 * One number for the file's struct inode. When a file is deleted, the next one may be given its
 * number and the memory of its struct inode, but file systems whose numbers are used again draw
 * another i_generation by chance (for NFS, which has the same trouble). It takes the upper bits of
 * the address, which are the same in all addresses of kernel memory.
 */
static __always_inline __u64 object_of(const struct file* file) {
  /* Read as a number, because the verifier lets nobody compute with a pointer. */
  __u64 address = (__u64)BPF_CORE_READ(file, f_inode);

  return (address & 0xffffffffffffULL) | (__u64)file->f_inode->i_generation << 48;
}

static __always_inline void identify(const struct file* file, struct fm_file* found) {
  struct inode* inode = file->f_inode;

  found->object = knows_inode_objects ? object_of(file) : 0;
  found->inode = inode->i_ino;
  found->dev = inode->i_sb->s_dev;
}

static long copy_mapping(struct task_struct* task, struct vm_area_struct* vma,
                         struct mapping* found) {
  struct file* file = vma->vm_file;

  found->start = vma->vm_start;
  found->end = vma->vm_end;
  if (!file)
    return 0;
  found->file_offset = vma->vm_pgoff << page_shift;
  identify(file, &found->file);
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
