// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The probe sensor: calls of catalogue functions by tainted children.
 *
 * One program for all sites of a tier. It is attached once to each tracefs uprobe event (to an
 * anchor that never hits), and runs in every process that carries a perf event of it: see
 * sensors/probes.h.
 */
#include "common.bpf.h"
#include "mappings.bpf.h"
#include "report_call.bpf.h"

/* Bytes waiting in the ring buffer at which the agent is woken. */
const volatile __u64 wakeup_bytes = 256 * 1024;
/* log2 of the page size: the unit of vm_pgoff. */
const volatile __u32 page_shift = 12;
/* Whether the agent knows files by the address of their struct inode. */
const volatile bool knows_inode_objects = false;
/* Bytes to copy of a stack at a first call; 0 for no stacks. */
const volatile __u32 stack_bytes = FM_MAX_STACK_BYTES;
/* Least time between two stacks of the same executable and function; 0 for all of them. */
const volatile __u64 stack_interval_ns = 0;

/* Probed instruction -> FM_PLACE. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 131072); /* of hundreds of C libraries */
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fm_site);
  __type(value, __u32);
} sites SEC(".maps");

/* Calls by function id: exact, whether or not the agent keeps up. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, FM_MAX_FUNCTIONS);
  __type(key, __u32);
  __type(value, __u64);
} function_totals SEC(".maps");

/*
 * Atomic additions, because they order memory on every architecture: the copy is whole if nobody
 * was at the entry before, and nobody came meanwhile.
 */
static __always_inline bool copy_known(struct child_calls* made, __u32 entry,
                                       struct mapping* found) {
  __u32 before = __sync_fetch_and_add(&made->versions[entry], 0);

  *found = made->mappings[entry];
  return !(before & 1) && __sync_fetch_and_add(&made->versions[entry], 0) == before;
}

/* Threads of a child write one after the other: who finds another one at it goes without. */
static __always_inline void remember(struct child_calls* made, const struct mapping* found) {
  __u32 entry = __sync_fetch_and_add(&made->next_mapping, 1) % FM_MAPPINGS;
  __u32 version = made->versions[entry];

  if (version & 1 ||
      __sync_val_compare_and_swap(&made->versions[entry], version, version + 1) != version)
    return;
  made->mappings[entry] = *found;
  __sync_lock_test_and_set(&made->versions[entry], version + 2);
}

/*
 * bpf_find_vma fails while another thread of the child maps memory (it only tries the mmap lock),
 * which a child that allocates in threads does all the time: so what was found once is remembered.
 */
static __always_inline bool find_mapping(struct task_struct* task, struct child_calls* made,
                                         __u64 ip, struct mapping* found) {
  __u32 i;

  for (i = 0; i < FM_MAPPINGS; i++)
    if (covers(&made->mappings[i], ip) && copy_known(made, i, found) && covers(found, ip))
      return true;
  if (!look_up_mapping(task, ip, found))
    return false;
  remember(made, found);
  return true;
}

/* FM_PLACE of the probed instruction, or -1: its mapping cannot be seen, or it is no site. */
static __always_inline int place_at(struct task_struct* task, struct child_calls* made, __u64 ip) {
  struct mapping mapping = {};
  struct fm_site site = {};
  __u32* place;

  if (!find_mapping(task, made, ip, &mapping))
    return -1;
  site.file = mapping.file;
  site.offset = ip - mapping.start + mapping.file_offset;
  place = bpf_map_lookup_elem(&sites, &site);
  return place && FM_FUNCTION_OF(*place) < FM_MAX_FUNCTIONS ? (int)*place : -1;
}

static __always_inline void count_call(struct pt_regs* ctx, struct task_struct* leader,
                                       struct fm_taint* taint, struct child_calls* made,
                                       __u32 place) {
  __u32 function = place & (FM_MAX_FUNCTIONS - 1);

  add_to(&function_totals, function);
  __sync_fetch_and_add(&taint->calls, 1);
  /* Threads of the child may race to the first call: one of them sees zero. */
  if (__sync_fetch_and_add(&made->record.counts[function], 1) == 0)
    report_call(ctx, leader, taint, place, FM_RECORD_CALL);
}

static __always_inline void on_tainted_call(struct pt_regs* ctx, struct task_struct* task,
                                            struct fm_taint* taint) {
  struct task_struct* leader = task->group_leader;
  struct child_calls* made =
      bpf_task_storage_get(&calls, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  int place = made ? place_at(task, made, PT_REGS_IP(ctx)) : -1;

  if (place < 0) {
    add_to(&totals, FM_TOTAL_UNRESOLVED_HITS);
    __sync_fetch_and_add(&taint->unresolved_hits, 1);
    taint->child.flags &= ~FM_CHILD_ARMED; /* its counts are not exact */
    return;
  }
  count_call(ctx, leader, taint, made, place);
}

/* By whoever of the family: its budget goes by it. */
static __always_inline void account_for(struct task_struct* task, enum fm_tier tier) {
  struct fm_family* family = family_of(task);
  struct fm_account* account = family ? account_of(family) : 0;

  add_to(&totals, FM_TOTAL_PROBE_HITS);
  if (account)
    __sync_fetch_and_add(&account->hits[tier], 1); /* per CPU, but it can be preempted */
}

static __always_inline int on_call(struct pt_regs* ctx, enum fm_tier tier) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct fm_taint* taint;

  account_for(task, tier);
  if (!has_not_execed(task->group_leader))
    return 0;
  taint = taint_of(task->group_leader);
  if (taint && !taint->ended && !(taint->child.flags & FM_CHILD_UNSURE))
    on_tainted_call(ctx, task, taint);
  return 0;
}

SEC("?uprobe")
int on_hot_call(struct pt_regs* ctx) {
  return on_call(ctx, FM_TIER_HOT);
}

SEC("?uprobe")
int on_cold_call(struct pt_regs* ctx) {
  return on_call(ctx, FM_TIER_COLD);
}
