// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The page-fault sensor: calls of catalogue functions by tainted children that carry no probes.
 *
 * After fork, the child faults at its first write to each page that it shares with its parent, and
 * at its first look at each page of a file, code too, for fork leaves those out of the child's page
 * tables (vma_needs_copy in mm/memory.c). The instruction that faults tells what runs: malloc
 * taking a chunk, setenv at its first instruction. Nothing is put into any process. A call that
 * touches no page first stays unseen.
 *
 * The tracepoint fires before the kernel takes the mmap lock (arch/x86/mm/fault.c), with interrupts
 * off: bpf_find_vma works, and gives the lock back by irq_work, an interrupt that costs
 * microseconds in a virtual machine. It exists on x86 (and RISC-V) only.
 */
#include "common.bpf.h"
#include "mappings.bpf.h"
#include "report_call.bpf.h"

/* A binary search over FM_MAX_CODE_RANGES needs no more. */
#define SEARCH_STEPS 13

/* Files with catalogue functions in them, and where in `code` these are. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct fm_file);
  __type(value, struct fm_file_code);
} files SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, FM_MAX_CODE_RANGES);
  __type(key, __u32);
  __type(value, struct fm_code_range);
} code SEC(".maps");

/* Raised by the agent when it has added to `files`. */
__u32 code_generation = 0;

/* log2 of the bytes that are looked up at once. */
#define CODE_PAGE_SHIFT 16

/*
 * A piece of an address space, the same in a process and in the children that it forks: layouts are
 * randomized at exec and copied by fork, and exec_vm changes with every library that comes or goes.
 */
struct page_key {
  __u64 mmap_base;
  __u64 start_code;
  __u64 end_code;
  __u64 executable_pages;
  __u64 page;
  __u64 generation;
};

struct page_code {
  __u64 start; /* of the mapping */
  __u64 end;
  __u64 file_offset; /* of `start` */
  struct fm_file_code part;
};

/* What was looked up for one child serves its siblings. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 8192);
  __type(key, struct page_key);
  __type(value, struct page_code);
} pages SEC(".maps");

/* FM_PLACE of the code at that offset of the file, or -1. */
static __always_inline int function_in(const struct fm_file_code* part, __u64 offset) {
  __u32 low = part->first;
  __u32 high = part->first + part->count;
  int i;

  for (i = 0; i < SEARCH_STEPS && low < high; i++) {
    __u32 middle = low + (high - low) / 2;
    struct fm_code_range* range = bpf_map_lookup_elem(&code, &middle);

    if (!range)
      return -1;
    if (offset < range->start)
      high = middle;
    else if (offset >= range->end)
      low = middle + 1;
    else
      return (int)range->place;
  }
  return -1;
}

static __always_inline struct page_key page_of(struct task_struct* task, __u64 ip) {
  struct mm_struct* mm = task->mm;
  struct page_key key = {
      .mmap_base = mm->mmap_base,
      .start_code = mm->start_code,
      .end_code = mm->end_code,
      .executable_pages = mm->exec_vm,
      .page = ip >> CODE_PAGE_SHIFT,
      .generation = code_generation,
  };

  return key;
}

static __always_inline bool look_up_page(struct task_struct* task, __u64 ip,
                                         struct page_code* found) {
  struct mapping mapping = {};
  struct fm_file file = {};
  struct fm_file_code* part;

  if (!look_up_mapping(task, ip, &mapping))
    return false;
  file.inode = mapping.inode;
  file.dev = mapping.dev;
  part = bpf_map_lookup_elem(&files, &file);
  found->start = mapping.start;
  found->end = mapping.end;
  found->file_offset = mapping.file_offset;
  if (part)
    found->part = *part;
  return true;
}

static __always_inline int function_at(struct task_struct* task, __u64 ip) {
  struct page_key key = page_of(task, ip);
  struct page_code* known = bpf_map_lookup_elem(&pages, &key);
  struct page_code found = {};

  if (!known || ip < known->start || ip >= known->end) {
    if (!look_up_page(task, ip, &found))
      return -1;
    bpf_map_update_elem(&pages, &key, &found, BPF_ANY);
    known = &found;
  }
  return known->part.count ? function_in(&known->part, ip - known->start + known->file_offset) : -1;
}

static __always_inline void on_tainted_fault(struct pt_regs* regs, struct task_struct* task,
                                             struct fm_taint* taint) {
  int place = function_at(task, PT_REGS_IP(regs));
  __u32 function = place & (FM_MAX_FUNCTIONS - 1);
  __u64 bit = (__u64)1 << (function & 63);

  if (place < 0)
    return;
  /* Threads of the child may race to the first fault: one of them sets the bit. */
  if (!(__sync_fetch_and_or(&taint->faulted[function / 64], bit) & bit))
    report_call(regs, task->group_leader, taint, place, FM_RECORD_FAULT);
}

SEC("?tp_btf/page_fault_user")
int BPF_PROG(on_page_fault, unsigned long address, struct pt_regs* regs, unsigned long error_code) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_struct* leader = task->group_leader;
  struct fm_taint* taint;

  if (!leader->bpf_storage) /* spares nearly every fault of the system a call */
    return 0;
  taint = bpf_task_storage_get(&taints, leader, 0, 0);
  /* Probes see every call of an armed child; what an adopted one calls does not count. */
  if (taint && !taint->ended && !(taint->child.flags & (FM_CHILD_ARMED | FM_CHILD_ADOPTED)))
    on_tainted_fault(regs, task, taint);
  return 0;
}
