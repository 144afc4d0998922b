/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The record of a child's first call of a function, with the stack where that is wanted.
 */
#ifndef FORKMON_REPORT_CALL_BPF_H
#define FORKMON_REPORT_CALL_BPF_H

#include "common.bpf.h"
#include "registers.h"

/* Bytes to copy of a stack at a first call; 0 for no stacks. */
extern const volatile __u32 stack_bytes;
/* Least time between two stacks of the same executable and function; 0 for all of them. */
extern const volatile __u64 stack_interval_ns;

struct stack_key {
  __u64 exe_inode;
  __u32 function;
  __u32 reserved;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct stack_key);
  __type(value, __u64);
} stack_times SEC(".maps") __weak;

/* At most one stack for each executable and function in an interval: they are large. */
static __always_inline bool wants_stack(struct task_struct* leader, __u32 function) {
  struct stack_key key = {.function = function};
  __u64 now = bpf_ktime_get_ns();
  __u64* last;

  /* A stack is as large as a hundred other records: a backlog of them must not crowd these out. */
  if (!stack_bytes || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= 2 * wakeup_bytes)
    return false;
  if (!stack_interval_ns)
    return true;
  key.exe_inode = BPF_CORE_READ(leader, mm, exe_file, f_inode, i_ino);
  last = bpf_map_lookup_elem(&stack_times, &key);
  if (last && now - *last < stack_interval_ns)
    return false;
  bpf_map_update_elem(&stack_times, &key, &now, BPF_ANY);
  return true;
}

static __always_inline void fill_call(struct fm_call_record* call, struct fm_taint* taint,
                                      __u32 place, __u64 ip) {
  call->child = taint->child;
  call->ip = ip;
  call->function = FM_FUNCTION_OF(place);
  call->library = FM_LIBRARY_OF(place);
  call->tid = number_of(bpf_get_current_task_btf());
  bpf_get_current_comm(call->comm, sizeof(call->comm));
}

/* Piece by piece, none of which crosses a page: the last readable page ends it. */
static __always_inline void copy_stack(struct fm_call_stack_record* record, __u64 sp) {
  __u64 start = sp & ~(__u64)(FM_STACK_PIECE - 1);
  __u32 at;

  record->stack_start = start;
  for (at = 0; at < FM_MAX_STACK_BYTES; at += FM_STACK_PIECE) {
    if (at >= stack_bytes)
      break;
    if (bpf_probe_read_user(record->stack + at, FM_STACK_PIECE, (void*)(start + at)))
      break;
  }
  record->stack_bytes = at;
}

/* False when the ring buffer has no room for it: the call alone may still fit. */
static __always_inline bool report_call_with_stack(struct pt_regs* ctx, struct fm_taint* taint,
                                                   __u32 place, __u32 kind) {
  struct fm_call_stack_record* record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

  if (!record)
    return false;
  start_record(&record->call.record,
               kind == FM_RECORD_FAULT ? FM_RECORD_FAULT_STACK : FM_RECORD_CALL_STACK,
               sizeof(*record));
  fill_call(&record->call, taint, place, PT_REGS_IP(ctx));
  record->known_registers = save_registers(ctx, record->registers);
  record->reserved = 0;
  copy_stack(record, PT_REGS_SP(ctx));
  /* Woken at once: the sooner the agent looks, the likelier is the child's memory map still there.
   */
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
  return true;
}

/* `kind` is FM_RECORD_CALL, or FM_RECORD_FAULT where a page fault showed the call. */
static __always_inline void report_call(struct pt_regs* ctx, struct task_struct* leader,
                                        struct fm_taint* taint, __u32 place, __u32 kind) {
  struct fm_call_record* call;

  if (wants_stack(leader, FM_FUNCTION_OF(place)) && report_call_with_stack(ctx, taint, place, kind))
    return;
  call = bpf_ringbuf_reserve(&events, sizeof(*call), 0);
  if (!call) {
    add_to(&losses, kind == FM_RECORD_FAULT ? FM_SENSOR_PAGE_FAULTS : FM_SENSOR_PROBES);
    return;
  }
  start_record(&call->record, kind, sizeof(*call));
  fill_call(call, taint, place, PT_REGS_IP(ctx));
  bpf_ringbuf_submit(call, wakeup_flags());
}

#endif /* FORKMON_REPORT_CALL_BPF_H */
