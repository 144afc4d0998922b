// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The probe sensor: calls of catalogue functions by tainted children.
 *
 * One program for all sites. It is attached once to each tracefs uprobe event (to an anchor that
 * never hits), and runs in every process that carries a perf event of it: see sensors/probes.h.
 */
#include "common.bpf.h"
#include "registers.h"

/* Bytes waiting in the ring buffer at which the agent is woken. */
const volatile __u64 wakeup_bytes = 256 * 1024;
/* log2 of the page size: the unit of vm_pgoff. */
const volatile __u32 page_shift = 12;

/* Probed instruction -> function id. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
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

/* Bytes to copy of a stack at a first call; 0 for no stacks. */
const volatile __u32 stack_bytes = FM_MAX_STACK_BYTES;
/* Least time between two stacks of the same executable and function; 0 for all of them. */
const volatile __u64 stack_interval_ns = 0;

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
} stack_times SEC(".maps");

static long copy_mapping(struct task_struct* task, struct vm_area_struct* vma,
                         struct mapping* found) {
  struct file* file = vma->vm_file;

  if (!file)
    return 0;
  found->start = vma->vm_start;
  found->end = vma->vm_end;
  found->file_offset = vma->vm_pgoff << page_shift;
  found->inode = file->f_inode->i_ino;
  found->dev = file->f_inode->i_sb->s_dev;
  return 0;
}

static __always_inline bool covers(const struct mapping* mapping, __u64 ip) {
  return ip >= mapping->start && ip < mapping->end;
}

/*
 * The mapping that holds the probed instruction. bpf_find_vma fails while another thread of the
 * child maps memory (it only tries the mmap lock), which a child that allocates in threads does all
 * the time: so what was found once is remembered.
 */
static __always_inline bool find_mapping(struct task_struct* task, struct child_calls* made,
                                         __u64 ip, struct mapping* found) {
  __u32 i;

  for (i = 0; i < FM_MAPPINGS; i++) {
    if (covers(&made->mappings[i], ip)) {
      *found = made->mappings[i];
      return true;
    }
  }
  if (bpf_find_vma(task, ip, copy_mapping, found, 0) || !covers(found, ip))
    return false;
  made->mappings[made->next_mapping++ % FM_MAPPINGS] = *found;
  return true;
}

/* Function id of the probed instruction, or -1: its mapping cannot be seen, or it is no site. */
static __always_inline int function_at(struct task_struct* task, struct child_calls* made,
                                       __u64 ip) {
  struct mapping mapping = {};
  struct fm_site site = {};
  __u32* function;

  if (!find_mapping(task, made, ip, &mapping))
    return -1;
  site.inode = mapping.inode;
  site.dev = mapping.dev;
  site.offset = ip - mapping.start + mapping.file_offset;
  function = bpf_map_lookup_elem(&sites, &site);
  return function && *function < FM_MAX_FUNCTIONS ? (int)*function : -1;
}

/* At most one stack for each executable and function in an interval: they are large. */
static __always_inline bool wants_stack(struct task_struct* leader, __u32 function) {
  struct stack_key key = {.function = function};
  __u64 now = bpf_ktime_get_ns();
  __u64* last;

  if (!stack_bytes)
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
                                      __u32 function, __u64 ip) {
  call->child = taint->child;
  call->ip = ip;
  call->function = function;
  call->tid = (__u32)bpf_get_current_pid_tgid();
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
                                                   __u32 function) {
  struct fm_call_stack_record* record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

  if (!record)
    return false;
  start_record(&record->call.record, FM_RECORD_CALL_STACK, sizeof(*record));
  fill_call(&record->call, taint, function, PT_REGS_IP(ctx));
  record->known_registers = save_registers(ctx, record->registers);
  record->reserved = 0;
  copy_stack(record, PT_REGS_SP(ctx));
  /* Woken at once: the sooner the agent looks, the likelier is the child's memory map still there.
   */
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
  return true;
}

static __always_inline void report_call(struct pt_regs* ctx, struct task_struct* leader,
                                        struct fm_taint* taint, __u32 function) {
  struct fm_call_record* call;

  if (wants_stack(leader, function) && report_call_with_stack(ctx, taint, function))
    return;
  call = bpf_ringbuf_reserve(&events, sizeof(*call), 0);
  if (!call) {
    add_to(&losses, FM_SENSOR_PROBES);
    return;
  }
  start_record(&call->record, FM_RECORD_CALL, sizeof(*call));
  fill_call(call, taint, function, PT_REGS_IP(ctx));
  bpf_ringbuf_submit(call, wakeup_flags());
}

static __always_inline void count_call(struct pt_regs* ctx, struct task_struct* leader,
                                       struct fm_taint* taint, struct child_calls* made,
                                       __u32 function) {
  add_to(&function_totals, function);
  __sync_fetch_and_add(&taint->calls, 1);
  /* Threads of the child may race to the first call: one of them sees zero. */
  if (__sync_fetch_and_add(&made->record.counts[function & (FM_MAX_FUNCTIONS - 1)], 1) == 0)
    report_call(ctx, leader, taint, function);
}

static __always_inline void on_tainted_call(struct pt_regs* ctx, struct task_struct* task,
                                            struct fm_taint* taint) {
  struct task_struct* leader = task->group_leader;
  struct child_calls* made =
      bpf_task_storage_get(&calls, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  int function = made ? function_at(task, made, PT_REGS_IP(ctx)) : -1;

  if (function < 0) {
    add_to(&totals, FM_TOTAL_UNRESOLVED_HITS);
    taint->child.flags &= ~FM_CHILD_ARMED; /* its counts are not exact */
    return;
  }
  count_call(ctx, leader, taint, made, function);
}

SEC("uprobe")
int on_call(struct pt_regs* ctx) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct fm_taint* taint = bpf_task_storage_get(&taints, task->group_leader, 0, 0);

  add_to(&totals, FM_TOTAL_PROBE_HITS);
  if (taint && !taint->ended && !(taint->child.flags & FM_CHILD_ADOPTED))
    on_tainted_call(ctx, task, taint);
  return 0;
}
