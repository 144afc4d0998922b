/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Maps and small functions that the sensors share. The maps are declared in every program and made
 * one by the linker (bpftool gen object), because their definitions are equal.
 */
#ifndef FORKMON_COMMON_BPF_H
#define FORKMON_COMMON_BPF_H

#include <linux/bpf.h>
#include <linux/ptrace.h>

#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "forkmon/wire.h"
#include "pid_namespace.bpf.h"
#include "task_maps.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FM_MAX_ACCOUNTS);
  __type(key, __u32);
  __type(value, struct fm_account);
} accounts SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FM_MAX_ACCOUNTS);
  __type(key, __u32);
  __type(value, struct fm_carried);
} carried SEC(".maps") __weak;

/* A mapping of a file into a child's address space. */
struct mapping {
  __u64 start;
  __u64 end;
  __u64 file_offset;   /* of `start` */
  struct fm_file file; /* `inode` 0: none */
};

/* How many mappings of a child are remembered: those of the libraries that are probed. */
#define FM_MAPPINGS 4

/* What a tainted child has called: made at its first call. */
struct child_calls {
  struct fm_calls_record record; /* whole, so that the end of the child sends it as it stands */
  struct mapping mappings[FM_MAPPINGS];
  /* Of each mapping: odd while a thread writes it, another one afterwards. */
  __u32 versions[FM_MAPPINGS];
  __u32 next_mapping; /* the place that the next one takes */
  __u32 reserved;
};

/* Where the kernel has no task storage there are no probes, and so no calls. */
FM_TASK_STORAGE(calls, struct child_calls);

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 * 1024 * 1024); /* the agent resizes it before loading */
} events SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FM_TOTAL_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} totals SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FM_SENSOR_COUNT);
  __type(key, __u32);
  __type(value, __u64);
} losses SEC(".maps") __weak;

/* Bytes waiting in the ring buffer at which the agent is woken; below, it looks on its own tick. */
extern const volatile __u64 wakeup_bytes;

/* include/linux/sched.h: set by fork, cleared by exec. So a process without it is not tainted. */
#define PF_FORKNOEXEC 0x00000040

static __always_inline bool has_not_execed(struct task_struct* leader) {
  return leader->flags & PF_FORKNOEXEC;
}

/* Null for nearly every process. */
static __always_inline struct fm_family* family_of(struct task_struct* task) {
  return family_mark_of(task->group_leader);
}

static __always_inline const struct fm_carried* carried_by(__u32 account) {
  return bpf_map_lookup_elem(&carried, &account);
}

/*
 * The mark that says which probes this thread of the family carries, and hands on to what it
 * starts: its process's or its own. Null where it carries none.
 */
static __always_inline const struct fm_family* carrier_of(struct task_struct* task,
                                                          const struct fm_family* family) {
  const struct fm_carried* now = carried_by(family->account);
  const struct fm_family* mark = family;

  if (family->flags & FM_FAMILY_BY_THREAD) {
    mark = family_mark_of(task);
    if (!mark || !(mark->flags & FM_FAMILY_THREAD) || mark->account != family->account)
      return 0;
  }
  return now && mark->arming && mark->arming >= now->since ? mark : 0;
}

static __always_inline struct fm_account* account_of(const struct fm_family* family) {
  __u32 account = family->account;

  return bpf_map_lookup_elem(&accounts, &account);
}

static __always_inline void add_to(void* map, __u32 index) {
  __u64* value = bpf_map_lookup_elem(map, &index);

  if (value)
    __sync_fetch_and_add(value, 1); /* per CPU, but a uprobe's program can be preempted */
}

/* A wake-up for each event doubles the cost of a fork, so only a filling buffer wakes the agent. */
static __always_inline __u64 wakeup_flags(void) {
  return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP
                                                                       : BPF_RB_NO_WAKEUP;
}

static __always_inline void start_record(struct fm_record* record, __u32 kind, __u32 size) {
  record->kind = kind;
  record->size = size;
  record->time_ns = bpf_ktime_get_ns();
}

#endif /* FORKMON_COMMON_BPF_H */
