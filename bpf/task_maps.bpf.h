/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What is kept of a task: in its task storage, which has no capacity, no eviction, and goes with
 * the task. Tracing programs have it since Linux 5.13 (a10787e6d58c). Before, hash maps by the
 * task's number stand in, of which entries are deleted at the task's end. The agent creates the
 * maps that the kernel has a use for, and the verifier leaves out what reads the others.
 */
#ifndef FORKMON_TASK_MAPS_BPF_H
#define FORKMON_TASK_MAPS_BPF_H

#include <linux/bpf.h>

#include "kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "forkmon/wire.h"

extern const volatile bool has_task_storage;

#define FM_TASK_STORAGE(name, kind)                                                                \
  struct {                                                                                         \
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);                                                       \
    __uint(map_flags, BPF_F_NO_PREALLOC);                                                          \
    __type(key, int);                                                                              \
    __type(value, kind);                                                                           \
  } name SEC(".maps") __weak

/* Tasks that the hash maps have room for. */
#define FM_MAX_NUMBERED_TASKS 16384

#define FM_NUMBERED_TASKS(name, kind)                                                              \
  struct {                                                                                         \
    __uint(type, BPF_MAP_TYPE_HASH);                                                               \
    __uint(max_entries, FM_MAX_NUMBERED_TASKS);                                                    \
    __type(key, __u32);                                                                            \
    __type(value, kind);                                                                           \
  } name SEC(".maps") __weak

/* Kept on the thread-group leader. */
FM_TASK_STORAGE(taints, struct fm_taint);
FM_NUMBERED_TASKS(taints_by_pid, struct fm_taint);

/* Processes that a session watches or arms: set by the agent, inherited. */
FM_TASK_STORAGE(families, struct fm_family);
FM_NUMBERED_TASKS(families_by_pid, struct fm_family);

/* The two maps of a kind go together. Null where nothing is kept of the task. */
static __always_inline void* kept_of(void* storage, void* by_pid, struct task_struct* task) {
  __u32 pid;

  if (has_task_storage)
    return bpf_task_storage_get(storage, task, 0, 0);
  pid = task->pid;
  return bpf_map_lookup_elem(by_pid, &pid);
}

/*
 * Starts to keep something of a task that has just been made. Null without memory or room, and,
 * before Linux 6.2, while this CPU is at another storage.
 */
static __always_inline void* keep(void* storage, void* by_pid, struct task_struct* task,
                                  void* value) {
  __u32 pid;

  if (has_task_storage)
    return bpf_task_storage_get(storage, task, value, BPF_LOCAL_STORAGE_GET_F_CREATE);
  pid = task->pid;
  bpf_map_update_elem(by_pid, &pid, value, BPF_ANY);
  return bpf_map_lookup_elem(by_pid, &pid);
}

static __always_inline void forget(void* storage, void* by_pid, struct task_struct* task) {
  __u32 pid = task->pid;

  if (has_task_storage)
    bpf_task_storage_delete(storage, task);
  else
    bpf_map_delete_elem(by_pid, &pid);
}

static __always_inline struct fm_taint* taint_of(struct task_struct* leader) {
  return kept_of(&taints, &taints_by_pid, leader);
}

/* All zero. */
static __always_inline struct fm_taint* make_taint(struct task_struct* leader) {
  struct fm_taint none = {};

  return keep(&taints, &taints_by_pid, leader, &none);
}

static __always_inline void delete_taint(struct task_struct* leader) {
  forget(&taints, &taints_by_pid, leader);
}

/* Of a process's first task, or, with FM_FAMILY_THREAD, of a thread. Null for nearly all. */
static __always_inline struct fm_family* family_mark_of(struct task_struct* task) {
  return kept_of(&families, &families_by_pid, task);
}

static __always_inline bool mark_family(struct task_struct* task, struct fm_family* family) {
  return keep(&families, &families_by_pid, task, family);
}

static __always_inline void delete_family_mark(struct task_struct* task) {
  forget(&families, &families_by_pid, task);
}

/*
 * False for nearly every process: neither tainted nor of a family. True where the kernel has no
 * storage to tell it by.
 */
static __always_inline bool may_be_known(struct task_struct* leader) {
  return !has_task_storage || leader->bpf_storage;
}

#endif /* FORKMON_TASK_MAPS_BPF_H */
