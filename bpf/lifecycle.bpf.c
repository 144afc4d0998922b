// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The lifecycle sensor: which processes are tainted, from their fork to their exec or end.
 *
 * BTF tracepoints, because they exist on every kernel with BTF and hand over the tasks themselves.
 * A child is tainted by a fork that copies the address space of a process with several threads, or
 * of a tainted one. vfork, posix_spawn and other CLONE_VM clones share the address space: there the
 * other threads go on and release their locks.
 */
#include "cgroup_names.bpf.h"
#include "common.bpf.h"
#include "discovery.bpf.h"
#include "saved_registers.h"
#include "threads.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Only processes with FM_FAMILY_WATCHED are looked at: a session for one command or one pid. */
const volatile bool watched_only = false;
/* Every process carries probes. */
const volatile bool all_armed = false;
/* The kernel swaps perf contexts of threads: see tell_of_first_thread. */
const volatile bool contexts_are_swapped = true;

/* Apart from the events, because it cannot wait for them to be worked on. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} threaded SEC(".maps");

/* See task_maps.bpf.h. */
const volatile bool has_task_storage = true;
/* See pid_namespace.bpf.h. */
const volatile __u32 own_pid_namespace = 0;

static __always_inline bool set_family(struct task_struct* task, struct fm_family* family) {
  if (mark_family(task, family))
    return true;
  add_to(&losses, FM_SENSOR_LIFECYCLE);
  return false;
}

/* Flags that are about one process's threads and probes, and not about its family. */
#define FM_FAMILY_OWN                                                                              \
  (FM_FAMILY_THREADED | FM_FAMILY_HELD | FM_FAMILY_LEAKY | FM_FAMILY_STOPS | FM_FAMILY_BY_THREAD | \
   FM_FAMILY_THREAD)

/* Tracepoints run with preemption off, so nobody else is at this CPU's part of the account. */
static __always_inline void account_for_start(const struct fm_family* family, bool is_process) {
  struct fm_account* account = account_of(family);

  if (!account)
    return;
  account->carriers++;
  if (is_process)
    account->forks++;
}

/* A thread ended before its process's probes were held: children may lack breakpoints. */
static __always_inline bool is_leaky(const struct fm_family* family) {
  return family->flags & FM_FAMILY_LEAKY && !(family->flags & FM_FAMILY_HELD);
}

/*
 * The mark that the child has got; of one that cannot be marked, what is left of it. Threads get a
 * mark too where flags outlive exec: exec by a thread that is not the leader replaces the leader's
 * task (de_thread), and with it the leader's storage.
 */
static __always_inline struct fm_family inherit_family(struct task_struct* parent,
                                                       struct task_struct* child) {
  bool is_process = child->pid == child->tgid;
  struct fm_family* from = family_of(parent);
  const struct fm_family* carrier;
  struct fm_family family = {};

  if (!from)
    return family;
  carrier = is_process && is_leaky(from) ? 0 : carrier_of(parent, from);
  family.flags = from->flags & ~FM_FAMILY_OWN;
  family.account = from->account;
  family.arming = carrier ? carrier->arming : 0;
  if (!carrier && !(from->flags & (FM_FAMILY_WATCHED | FM_FAMILY_UNREAD)))
    return family;
  if (!is_process && from->flags & FM_FAMILY_BY_THREAD)
    family.flags = FM_FAMILY_THREAD;
  if ((is_process || from->flags & (FM_FAMILY_THROUGH_EXEC | FM_FAMILY_BY_THREAD)) &&
      !set_family(child, &family))
    family.arming = 0;
  else if (carrier)
    account_for_start(from, is_process);
  return family;
}

/*
 * Two threads with inherited perf events may swap these at a context switch
 * (perf_event_context_sched_out in kernel/events/core.c), while each event goes on to name the task
 * it was made for, and trace_uprobe lets a breakpoint stand only in an address space of such a
 * task. So when a thread ends, its process may lose its probes. The agent is told of the first
 * thread and opens an event that is not inherited, which is never swapped away. Since 6.13 events
 * can be had that are not swapped: see can_keep_contexts_apart in src/sensors/perf_event.h.
 */
static __always_inline void tell_of_first_thread(struct task_struct* task) {
  struct fm_family* family = family_of(task);
  struct fm_threaded* record;

  if (!family || !family->arming || family->flags & FM_FAMILY_THREADED)
    return;
  record = bpf_ringbuf_reserve(&threaded, sizeof(*record), 0);
  if (!record) /* the next thread tries again */
    return;
  family->flags |= FM_FAMILY_THREADED;
  record->pid = process_number_of(task);
  record->reserved = 0;
  bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* A thread ends before the agent came: from here on a call may be missed. */
static __always_inline void note_leak(struct fm_family* family, struct fm_taint* taint) {
  if (!family || !family->arming || family->flags & FM_FAMILY_HELD)
    return;
  family->flags |= FM_FAMILY_LEAKY;
  if (taint)
    taint->child.flags &= ~FM_CHILD_ARMED;
}

struct exe_key {
  __u64 inode;
  __u32 dev;
  __u32 reserved;
};

/* Executables that the agent has heard of. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, struct exe_key);
  __type(value, __u8);
} known_exes SEC(".maps");

/* The first to ask about an executable is told so: the agent then reads its path at once. */
static __always_inline bool is_new_exe(__u64 inode, __u32 dev) {
  struct exe_key key = {.inode = inode, .dev = dev};
  __u8 one = 1;

  return !bpf_map_lookup_elem(&known_exes, &key) &&
         !bpf_map_update_elem(&known_exes, &key, &one, BPF_NOEXIST);
}

static __always_inline void describe_exe(struct task_struct* task, struct fm_fork_record* fork) {
  struct file* exe = task->mm->exe_file;

  if (!exe)
    return;
  fork->exe_inode = exe->f_inode->i_ino;
  fork->exe_dev = exe->f_inode->i_sb->s_dev;
  bpf_probe_read_kernel_str(fork->exe_name, sizeof(fork->exe_name),
                            exe->f_path.dentry->d_name.name);
}

/*
 * Was it fork(), which repairs locks, or _Fork() or clone(2), which do not? The agent finds out.
 * Before Linux 5.15 nobody says where the registers are.
 */
static __always_inline void describe_call(struct task_struct* task, struct fm_fork_record* fork) {
  const struct saved_registers* registers;
  __u64 sp;

  if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
    return;
  registers = (const void*)bpf_task_pt_regs(task);
  sp = saved_sp(registers);
  fork->fork_ip = saved_ip(registers);
  bpf_probe_read_user(fork->fork_stack, sizeof(fork->fork_stack), (const void*)sp);
}

static __always_inline void report_fork(struct task_struct* parent, struct task_struct* child,
                                        struct fm_taint* taint) {
  struct fm_fork_record* fork = bpf_ringbuf_reserve(&events, sizeof(*fork), 0);

  if (!fork) {
    add_to(&losses, FM_SENSOR_LIFECYCLE);
    return;
  }
  __builtin_memset(fork, 0, sizeof(*fork));
  start_record(&fork->record, FM_RECORD_FORK, sizeof(*fork));
  fork->record.time_ns = taint->child.fork_time_ns;
  fork->child = taint->child;
  fork->cgroup_id = remember_cgroup(parent);
  fork->uid = (__u32)bpf_get_current_uid_gid();
  fork->parent_tid = number_of(parent);
  fork->parent_execs = parent->self_exec_id;
  describe_exe(parent, fork);
  describe_call(parent, fork);
  bpf_get_current_comm(fork->parent_comm, sizeof(fork->parent_comm));
  bpf_probe_read_kernel_str(fork->child_comm, sizeof(fork->child_comm), child->comm);
  /* Where all is armed, the agent looks at each process itself, which may be gone soon. */
  bpf_ringbuf_submit(fork, is_new_exe(fork->exe_inode, fork->exe_dev) || all_armed
                               ? BPF_RB_FORCE_WAKEUP
                               : wakeup_flags());
}

/* How many perf events a task has inherited. */
static __always_inline __u32 perf_events_of(struct task_struct* child) {
  struct task_struct___two_contexts* former = (void*)child;
  struct perf_event_context* context;

  if (bpf_core_field_exists(child->perf_event_ctxp)) /* as a pointer */
    context = child->perf_event_ctxp;
  else
    context = former->perf_event_ctxp[1];
  return context ? context->nr_events : 0;
}

/*
 * Does the child carry the probes of all its libraries, of all tiers, from its first instruction
 * on? The mark is its parent's of now. Perf events are inherited at the beginning of copy_process,
 * so a fork that was under way when they were opened has none, or not all.
 */
static __always_inline bool carries_all(struct task_struct* child, const struct fm_family* family) {
  const struct fm_carried* now = family->arming ? carried_by(family->account) : 0;

  if (family->flags & FM_FAMILY_UNREAD)
    return false;
  return all_armed || (now && now->all == family->arming && perf_events_of(child) >= now->events);
}

static __always_inline void taint_child(struct task_struct* parent, struct task_struct* child,
                                        const struct fm_family* family, bool can_loop) {
  struct fm_taint* from = taint_of(parent->group_leader);
  __u32 threads = can_loop ? threads_at_fork() : threads_at_fork_by_steps();
  struct fm_taint* taint;

  if (from && from->child.flags & FM_CHILD_UNSURE)
    from = 0; /* whether it is tainted is not known */
  if (threads < 2 && !from)
    return;
  add_to(&totals, FM_TOTAL_TAINTED_FORKS);
  taint = make_taint(child);
  if (!taint) {
    add_to(&losses, FM_SENSOR_LIFECYCLE);
    return;
  }
  taint->child.fork_time_ns = bpf_ktime_get_ns();
  taint->child.pid = process_number_of(child);
  taint->child.parent_pid = process_number_of(parent);
  taint->child.start_ns = child->start_boottime;
  taint->child.parent_start_ns = parent->group_leader->start_boottime;
  taint->child.parent_threads = threads;
  /* Looked up after the time was taken: what is taken off later is in the child's lifetime. */
  taint->child.flags =
      (carries_all(child, family) ? FM_CHILD_ARMED : 0) | (from ? FM_CHILD_PARENT_TAINTED : 0);
  report_fork(parent, child, taint);
}

static __always_inline void see_fork(struct task_struct* parent, struct task_struct* child,
                                     bool can_loop) {
  struct fm_family family;

  if (!is_in_own_namespace(child))
    return;
  family = inherit_family(parent, child);
  if (watched_only && !(family.flags & FM_FAMILY_WATCHED))
    return;
  if (child->pid != child->tgid) {
    add_to(&totals, FM_TOTAL_THREADS);
    if (contexts_are_swapped)
      tell_of_first_thread(parent);
    return;
  }
  if (!child->mm) /* a kernel thread */
    return;
  if (child->mm == parent->mm) {
    add_to(&totals, FM_TOTAL_VFORKS);
    return;
  }
  add_to(&totals, FM_TOTAL_FORKS);
  taint_child(parent, child, &family, can_loop);
}

/* Runs in the parent, before the child is first scheduled (kernel_clone), so that nothing is
 * missed. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct* parent, struct task_struct* child) {
  see_fork(parent, child, true);
  return 0;
}

/* In its place before Linux 5.17, which brought bpf_loop. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(on_fork_without_loop, struct task_struct* parent, struct task_struct* child) {
  see_fork(parent, child, false);
  return 0;
}

static __always_inline void report_calls(struct task_struct* leader, struct fm_taint* taint) {
  struct fm_calls_record* record;
  struct child_calls* made;

  if (!has_task_storage)
    return;
  made = bpf_task_storage_get(&calls, leader, 0, 0);
  if (!made)
    return;
  record = &made->record;
  start_record(&record->record, FM_RECORD_CALLS, sizeof(*record));
  record->child = taint->child;
  if (bpf_ringbuf_output(&events, record, sizeof(*record), wakeup_flags()))
    add_to(&losses, FM_SENSOR_PROBES);
}

static __always_inline void report_end(struct fm_taint* taint, __u32 outcome, __u32 exit_code) {
  struct fm_end_record* end;

  end = bpf_ringbuf_reserve(&events, sizeof(*end), 0);
  if (!end) {
    add_to(&losses, FM_SENSOR_LIFECYCLE);
    return;
  }
  start_record(&end->record, FM_RECORD_END, sizeof(*end));
  end->child = taint->child;
  end->calls = taint->calls;
  end->unresolved_hits = taint->unresolved_hits;
  end->reserved = 0;
  end->outcome = outcome;
  end->exit_code = exit_code;
  bpf_get_current_comm(end->comm, sizeof(end->comm));
  bpf_ringbuf_submit(end, wakeup_flags());
}

/* Children of which two threads ended at once, by pid and fork. */
struct ended_child {
  __u64 fork_time_ns;
  __u32 pid;
  __u32 reserved;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, struct ended_child);
  __type(value, __u8);
} ended_children SEC(".maps");

/*
 * One thread reports the end. Two threads can see it at the same time only while both still exist.
 * A map picks one of them, because kernels before 5.12 refuse programs with an atomic exchange.
 */
static __always_inline bool is_first_to_end(struct task_struct* leader, struct fm_taint* taint) {
  struct ended_child key = {.fork_time_ns = taint->child.fork_time_ns, .pid = taint->child.pid};
  __u8 one = 1;

  if (taint->ended)
    return false;
  taint->ended = 1;
  return leader->signal->nr_threads < 2 ||
         !bpf_map_update_elem(&ended_children, &key, &one, BPF_NOEXIST);
}

static __always_inline void end_child(struct task_struct* leader, struct fm_taint* taint,
                                      __u32 outcome, __u32 exit_code) {
  if (!is_first_to_end(leader, taint))
    return;
  report_calls(leader, taint);
  report_end(taint, outcome, exit_code);
}

/*
 * Tainted children whose first thread has ended while others go on, by pid. When one of these calls
 * exec, it takes the place of the first thread (de_thread), whose task and storage go before the
 * exec tracepoint. The least recently used entry goes where there is no room: the agent then finds
 * out by itself that such a child is one no more.
 */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, struct fm_taint);
} leaderless SEC(".maps");

/* include/linux/sched/signal.h: all threads are ending, so none will exec. */
#define SIGNAL_GROUP_EXIT 0x00000004

/* The calls so far are sent now, for what is counted from here on goes with the task's storage. */
static __always_inline void lose_leader(struct task_struct* leader, struct fm_taint* taint) {
  __u32 pid = leader->tgid;

  taint->child.flags |= FM_CHILD_LEADERLESS;
  report_calls(leader, taint);
  bpf_map_update_elem(&leaderless, &pid, taint, BPF_ANY);
  if (leader->signal->live.counter == 0) /* the last thread may have ended before the update */
    bpf_map_delete_elem(&leaderless, &pid);
}

/* An exec by another thread than the first: it has that one's pid now. */
static __always_inline void end_leaderless(struct task_struct* task) {
  __u32 pid = task->tgid;
  struct fm_taint* taint = bpf_map_lookup_elem(&leaderless, &pid);

  if (!taint)
    return;
  report_end(taint, FM_OUTCOME_EXEC, 0);
  bpf_map_delete_elem(&leaderless, &pid);
}

/* Once for each executable, so that its path is known even if its processes live an instant. */
static __always_inline void report_exe(struct task_struct* task, struct linux_binprm* bprm) {
  struct inode* inode = task->mm->exe_file->f_inode;
  __u32 dev = inode->i_sb->s_dev;
  struct fm_exe_record* exe;

  if (!is_new_exe(inode->i_ino, dev))
    return;
  exe = bpf_ringbuf_reserve(&events, sizeof(*exe), 0);
  if (!exe) /* the path is then read at a fork */
    return;
  start_record(&exe->record, FM_RECORD_EXE, sizeof(*exe));
  exe->exe_inode = inode->i_ino;
  exe->exe_dev = dev;
  exe->pid = process_number_of(task);
  exe->path[0] = 0;
  bpf_probe_read_kernel_str(exe->path, sizeof(exe->path), bprm->filename);
  bpf_ringbuf_submit(exe, BPF_RB_FORCE_WAKEUP);
}

/* An exec that takes the probes off is one carrier less, as an end is. */
static __always_inline void account_for_end(const struct fm_family* family, bool is_exec) {
  struct fm_account* account = account_of(family);

  if (!account)
    return;
  account->carriers--;
  if (is_exec)
    account->execs++;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct* task, int old_pid, struct linux_binprm* bprm) {
  struct fm_family* family = family_of(task);
  struct fm_taint* taint = taint_of(task);

  if (!is_in_own_namespace(task))
    return 0;
  add_to(&totals, FM_TOTAL_EXECS);
  report_exe(task, bprm);
  if (taint)
    end_child(task, taint, FM_OUTCOME_EXEC, 0);
  else if (old_pid != task->tgid)
    end_leaderless(task);
  delete_taint(task);
  if (has_task_storage)
    bpf_task_storage_delete(&calls, task);
  if (!family)
    return 0;
  if (family->flags & FM_FAMILY_THROUGH_EXEC) {
    family->flags &= ~FM_FAMILY_UNREAD;
    if (family->arming)
      tell_of_mapped(task, family, true);
    return 0;
  }
  if (carrier_of(task, family))
    account_for_end(family, true);
  delete_family_mark(task);
  return 0;
}

/*
 * As wait(2) will report it. Since 6.0 the last thread to end sets it for the process; before, it
 * is the first thread's own where nothing ended them all.
 */
static __always_inline __u32 exit_code_of(struct task_struct* leader,
                                          struct signal_struct* signal) {
  if (bpf_core_field_exists(signal->quick_threads) || signal->group_exit_code)
    return signal->group_exit_code;
  return leader->exit_code;
}

static __always_inline void end_process(struct task_struct* leader, struct fm_taint* taint) {
  __u32 pid = leader->tgid;

  end_child(leader, taint, FM_OUTCOME_EXIT, exit_code_of(leader, leader->signal));
  if (taint->child.flags & FM_CHILD_LEADERLESS)
    bpf_map_delete_elem(&leaderless, &pid);
}

/* include/linux/sched/signal.h: a core dump is under way. */
#define SIGNAL_GROUP_COREDUMP 0x00000008

/*
 * A thread is in exec, and waits for the others to end. Before Linux 5.17 the member had another
 * name, and also named a thread that dumped core (60700e38fb68).
 */
static __always_inline bool is_in_exec(struct signal_struct* signal) {
  struct signal_struct___before_group_exec_task* former = (void*)signal;

  if (bpf_core_field_exists(signal->group_exec_task))
    return signal->group_exec_task;
  return !(signal->flags & (SIGNAL_GROUP_EXIT | SIGNAL_GROUP_COREDUMP)) &&
         BPF_CORE_READ(former, group_exit_task);
}

/* What task storage does by itself: see task_maps.bpf.h. */
static __always_inline void forget_task(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;

  if (task != leader)
    delete_family_mark(task);
  if (task->signal->live.counter == 0) {
    delete_family_mark(leader);
    delete_taint(leader);
  }
}

/*
 * The tracepoint stands after do_exit has taken the thread off signal->live, on every kernel: zero
 * means the process is ending. Two last threads may both see zero; `ended` lets one report.
 */
static __always_inline void see_exit(struct task_struct* task) {
  struct task_struct* leader = task->group_leader;
  struct signal_struct* signal = task->signal;
  struct fm_family* family;
  struct fm_taint* taint;

  if (!may_be_known(leader))
    return;
  family = family_of(task);
  if (family && carrier_of(task, family))
    account_for_end(family, false);
  taint = taint_of(leader);
  if (contexts_are_swapped && signal->live.counter != 0)
    note_leak(family, taint);
  if (!taint)
    return;
  if (signal->live.counter == 0)
    end_process(leader, taint);
  else if (task == leader && is_in_exec(signal))
    /* Another thread is in exec: this leader's task, and the taint on it, are about to go. */
    end_child(leader, taint, FM_OUTCOME_EXEC, 0);
  else if (task == leader && !(signal->flags & SIGNAL_GROUP_EXIT))
    lose_leader(leader, taint);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct* task) {
  see_exit(task);
  if (!has_task_storage)
    forget_task(task);
  return 0;
}
