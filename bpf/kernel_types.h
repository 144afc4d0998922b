/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The few kernel types that the programs read, with the few members they read of each. CO-RE
 * relocates every access to the running kernel's layout, so that a build needs no vmlinux.h of the
 * build host. Names and types as in the kernel's include/linux/{sched,mm_types,fs,dcache}.h.
 */
#ifndef FORKMON_KERNEL_TYPES_H
#define FORKMON_KERNEL_TYPES_H

#include <stdbool.h>

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
  __u32 s_dev;
};

struct inode {
  unsigned long i_ino;
  __u32 i_generation;
  struct super_block* i_sb;
};

struct qstr {
  const unsigned char* name;
};

struct dentry {
  struct qstr d_name;
};

struct path {
  struct dentry* dentry;
};

struct file {
  struct inode* f_inode;
  struct path f_path;
};

struct mm_struct {
  unsigned long mmap_base;
  unsigned long exec_vm;
  unsigned long start_code, end_code;
  struct file* exe_file;
};

struct vm_area_struct {
  unsigned long vm_start;
  unsigned long vm_end;
  unsigned long vm_flags;
  unsigned long vm_pgoff;
  struct file* vm_file;
};

typedef struct {
  int counter;
} atomic_t;

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
};

/* What a program of SEC("iter/task_vma") is given; no `vma` at the end of all. */
struct bpf_iter__task_vma {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  struct vm_area_struct* vma;
};

struct linux_binprm {
  const char* filename;
};

struct task_struct;
struct bpf_local_storage;

struct signal_struct {
  atomic_t live;
  int nr_threads;
  int group_exit_code;
  struct task_struct* group_exec_task;
};

struct task_struct {
  int pid;
  int tgid;
  unsigned int flags;
  int exit_code;
  __u64 start_boottime; /* since 5.5; ns */
  struct mm_struct* mm;
  struct task_struct* group_leader;
  struct signal_struct* signal;
  struct bpf_local_storage* bpf_storage;
  char comm[16];
};

#pragma clang attribute pop

#endif /* FORKMON_KERNEL_TYPES_H */
