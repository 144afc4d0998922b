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

typedef struct {
  int counter;
} atomic_t;

struct mm_struct {
  atomic_t mm_users;
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

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
};

/* What a program of SEC("iter/task") is given; no `task` at the end of all. */
struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

/* What a program of SEC("iter/task_vma") is given; no `vma` at the end of all. */
struct bpf_iter__task_vma {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  struct vm_area_struct* vma;
};

struct ns_common {
  unsigned int inum;
};

struct pid_namespace {
  struct ns_common ns;
};

/* A task's number in one of the namespaces that it is in. */
struct upid {
  int nr;
  struct pid_namespace* ns;
};

struct pid {
  unsigned int level;
  struct upid numbers[1]; /* from the first namespace, 0, to the innermost, `level` */
};

struct linux_binprm {
  const char* filename;
};

struct task_struct;
struct bpf_local_storage;

struct perf_event_context {
  int nr_events;
};

struct list_head {
  struct list_head* next;
};

struct kernfs_node {
  const char* name;
  __u64 id; /* since 5.5 */
};

struct cgroup;

struct cgroup_subsys_state {
  struct cgroup* cgroup;
  struct cgroup_subsys_state* parent;
};

struct cgroup {
  struct cgroup_subsys_state self;
  struct kernfs_node* kn;
};

/* include/linux/cgroup_subsys.h: which there are, and their numbers, is the kernel's configuration.
 */
enum cgroup_subsys_id { pids_cgrp_id };

struct css_set {
  struct cgroup_subsys_state* subsys[1];
  struct cgroup* dfl_cgrp; /* of v2 */
};

struct signal_struct {
  atomic_t live;
  int nr_threads;
  int quick_threads; /* since 6.0 */
  struct list_head thread_head;
  int group_exit_code;
  struct task_struct* group_exec_task;
  unsigned int flags;
};

/* Before Linux 5.17. */
struct signal_struct___before_group_exec_task {
  struct task_struct* group_exit_task;
};

struct task_struct {
  int pid;
  int tgid;
  unsigned int flags;
  int exit_code;
  __u64 start_boottime; /* since 5.5; ns */
  __u64 self_exec_id;
  struct list_head thread_node;
  struct pid* thread_pid;
  struct mm_struct* mm;
  struct task_struct* group_leader;
  struct signal_struct* signal;
  struct bpf_local_storage* bpf_storage;
  struct perf_event_context* perf_event_ctxp; /* since 6.2 */
  struct css_set* cgroups;
  char comm[16];
};

/* Before Linux 6.2: events of hardware, and of software, which tracepoints are. */
struct task_struct___two_contexts {
  struct perf_event_context* perf_event_ctxp[2];
};

#pragma clang attribute pop

#endif /* FORKMON_KERNEL_TYPES_H */
