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

/*
 * An instruction of an address space, the same in a process and in the children that it forks:
 * layouts are randomized at exec and copied by fork, and exec_vm changes with every library that
 * comes or goes.
 */
struct instruction {
  __u64 ip;
  __u64 mmap_base;
  __u64 start_code;
  __u64 executable_pages;
  __u64 generation;
};

struct known_instruction {
  struct instruction instruction;
  __s64 function; /* function id, or -1 */
};

#define KNOWN_SETS 256
#define KNOWN_WAYS 4

/*
 * Instructions that fall into the same set. Several, because two that drive each other out are both
 * looked up at every fork: with one of each, a quarter of all programs had such a pair among the 25
 * instructions that fault in a child, at 17 us a fork.
 */
struct known_set {
  struct known_instruction ways[KNOWN_WAYS];
  __u64 next; /* the way that the next one takes */
};

/*
 * Siblings fault at the same instructions, so what one looked up serves the next. Each CPU has its
 * own, as tracepoints run with preemption off: no lock, and no look at half an entry.
 */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, KNOWN_SETS);
  __type(key, __u32);
  __type(value, struct known_set);
} known_instructions SEC(".maps");

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

static __always_inline struct instruction instruction_at(struct task_struct* task, __u64 ip) {
  struct mm_struct* mm = task->mm;
  struct instruction instruction = {
      .ip = ip,
      .mmap_base = mm->mmap_base,
      .start_code = mm->start_code,
      .executable_pages = mm->exec_vm,
      .generation = code_generation,
  };

  return instruction;
}

static __always_inline bool is_same(const struct instruction* a, const struct instruction* b) {
  return a->ip == b->ip && a->mmap_base == b->mmap_base && a->start_code == b->start_code &&
         a->executable_pages == b->executable_pages && a->generation == b->generation;
}

/* False while the mmap lock is taken: it may be found the next time. */
static __always_inline bool look_up(struct task_struct* task, __u64 ip, __s64* function) {
  struct mapping mapping = {};
  struct fm_file_code* part;

  if (!look_up_mapping(task, ip, &mapping))
    return false;
  part = bpf_map_lookup_elem(&files, &mapping.file);
  *function = part ? function_in(part, ip - mapping.start + mapping.file_offset) : -1;
  return true;
}

static __always_inline __s64 function_at(struct task_struct* task, __u64 ip) {
  struct instruction instruction = instruction_at(task, ip);
  __u32 number = (__u32)(ip ^ ip >> 8 ^ instruction.mmap_base >> 12) % KNOWN_SETS;
  struct known_set* set = bpf_map_lookup_elem(&known_instructions, &number);
  struct known_instruction* known;
  __s64 function = -1;
  __u32 way;

  if (!set)
    return -1;
  for (way = 0; way < KNOWN_WAYS; way++) {
    known = &set->ways[way];
    if (is_same(&known->instruction, &instruction))
      return known->function;
  }
  if (!look_up(task, ip, &function))
    return -1;
  known = &set->ways[set->next++ % KNOWN_WAYS];
  known->instruction = instruction;
  known->function = function;
  return function;
}

static __always_inline void on_tainted_fault(struct pt_regs* regs, struct task_struct* task,
                                             struct fm_taint* taint) {
  __s64 found = function_at(task, PT_REGS_IP(regs));
  __u32 function = found & (FM_MAX_FUNCTIONS - 1);
  __u64 bit = (__u64)1 << (function & 63);

  if (found < 0)
    return;
  /* Threads of the child may race to the first fault: one of them sets the bit. */
  if (!(__sync_fetch_and_or(&taint->faulted[function / 64], bit) & bit))
    report_call(regs, task->group_leader, taint, found, FM_RECORD_FAULT);
}

SEC("?tp_btf/page_fault_user")
int BPF_PROG(on_page_fault, unsigned long address, struct pt_regs* regs, unsigned long error_code) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct task_struct* leader;
  struct fm_taint* taint;

  /* Spares nearly every fault of the system all that follows: copy_process sets the flag in
   * threads, too. */
  if (!has_not_execed(task))
    return 0;
  leader = task->group_leader;
  if (!may_be_known(leader) || !has_not_execed(leader))
    return 0;
  taint = taint_of(leader);
  /* Probes see every call of an armed child; what one calls that may not be tainted does not count.
   */
  if (taint && !taint->ended && !(taint->child.flags & (FM_CHILD_ARMED | FM_CHILD_UNSURE)))
    on_tainted_fault(regs, task, taint);
  return 0;
}
