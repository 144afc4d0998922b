/* SPDX-License-Identifier: MIT */
/*
 * What the BPF programs send to the agent, and what the agent writes into their maps.
 *
 * C, because both sides include it. Sizes are explicit, members are ordered by alignment and
 * never packed, and the layout is asserted below for both compilers. Every record of the ring
 * buffer starts with struct fm_record. Values of enums are never renumbered.
 */
#ifndef FORKMON_WIRE_H
#define FORKMON_WIRE_H

#include <linux/types.h>

/* Length of a task's comm, TASK_COMM_LEN of the kernel's include/linux/sched.h. */
#define FM_COMM_LEN 16
/* Bytes kept of the last path component of the parent's executable, with the NUL. */
#define FM_EXE_NAME_LEN 64
/* Bytes kept of the path that an executable was started by, with the NUL. */
#define FM_EXE_PATH_LEN 256
/* Function ids are below this: one id for each catalogue function of a kind of library. */
#define FM_MAX_FUNCTIONS 512
/* Library ids, each of a file, are below this; 0 stands for none. */
#define FM_MAX_LIBRARIES 8192
/* Where a function is: its id, and above it that of the library. Never negative. */
#define FM_PLACE(function, library) ((__u32)(library) << 16 | (function))
#define FM_FUNCTION_OF(place) ((__u16)(place))
#define FM_LIBRARY_OF(place) ((__u16)((place) >> 16))
/* Most bytes that are copied of a stack, and the piece that is copied at once. */
#define FM_MAX_STACK_BYTES 16384
#define FM_STACK_PIECE 512
/* Pieces of code that page faults are looked up in: a function has one or more. */
#define FM_MAX_CODE_RANGES 16384
/* Families whose use of probes is accounted for; account 0 is for those that nobody asks about. */
#define FM_MAX_ACCOUNTS 1024
/* Words of the stack that a fork is sent with. */
#define FM_FORK_STACK_WORDS 32
/* A clock tick of /proc: USER_HZ is 100 on every architecture that we build for. */
#define FM_TICK_NS 10000000ULL
/* Registers are sent under their DWARF numbers, which are below this. */
#define FM_REGISTERS 33

enum fm_record_kind {
  FM_RECORD_FORK = 1,  /* struct fm_fork_record */
  FM_RECORD_CALL = 2,  /* struct fm_call_record */
  FM_RECORD_CALLS = 3, /* struct fm_calls_record, right before the FM_RECORD_END of its child */
  FM_RECORD_END = 4,   /* struct fm_end_record */
  FM_RECORD_EXE = 5,   /* struct fm_exe_record */
  FM_RECORD_CALL_STACK = 6,  /* struct fm_call_stack_record: FM_RECORD_CALL, and the stack */
  FM_RECORD_FAULT = 7,       /* struct fm_call_record of a call that a page fault showed */
  FM_RECORD_FAULT_STACK = 8, /* struct fm_call_stack_record of such a call */
};

/* Who lost or dropped a record; the index into the losses map. */
enum fm_sensor {
  FM_SENSOR_LIFECYCLE = 0,
  FM_SENSOR_PROBES = 1,
  FM_SENSOR_PAGE_FAULTS = 2,
  FM_SENSOR_DISCOVERY = 3, /* of libraries in armed processes */
  FM_SENSOR_COUNT = 4,
};

/* Indices into the totals map: exact, counted in the kernel whether or not the agent keeps up. */
enum fm_total {
  FM_TOTAL_FORKS = 0,           /* processes made with a copied address space */
  FM_TOTAL_VFORKS = 1,          /* processes that share their parent's: vfork, posix_spawn */
  FM_TOTAL_THREADS = 2,         /* threads started */
  FM_TOTAL_TAINTED_FORKS = 3,   /* of FM_TOTAL_FORKS, those that taint the child */
  FM_TOTAL_PROBE_HITS = 4,      /* probe hits, whoever made them */
  FM_TOTAL_UNRESOLVED_HITS = 5, /* hits by tainted children that no function could be named for */
  FM_TOTAL_EXECS = 6,           /* whoever called it */
  FM_TOTAL_COUNT = 7,
};

/* How often programs call a function: what each tier of probes costs is accounted for apart. */
enum fm_tier {
  FM_TIER_HOT = 0,  /* allocators, mutexes */
  FM_TIER_COLD = 1, /* the rest */
  FM_TIER_COUNT = 2,
};

/*
 * Flags of a process in the `families` map; FM_FAMILY_THREAD is one of a thread. docs/design.md has
 * a table of those that go together. 2 and 512 were flags once.
 */
enum fm_family_flag {
  FM_FAMILY_WATCHED = 1,      /* part of the family that this session is limited to */
  FM_FAMILY_THROUGH_EXEC = 4, /* an exec leaves the probes where they are */
  FM_FAMILY_THREADED = 8,     /* it has started a thread since it was armed, and the agent knows */
  FM_FAMILY_HELD = 16,        /* it carries probes of its own: see sensors/probes.h */
  FM_FAMILY_LEAKY = 32,       /* a thread of it ended before that: it may have lost its probes */
  FM_FAMILY_STOPS = 64,      /* stopped whenever fm_mapped is sent of it, while it has one thread */
  FM_FAMILY_BY_THREAD = 128, /* only threads with FM_FAMILY_THREAD carry probes */
  FM_FAMILY_THREAD = 256,    /* this thread does, and what it starts will */
  FM_FAMILY_UNREAD = 1024,   /* has mapped a library that cannot be probed; an exec ends it */
};

/* Flags of a tainted child. */
enum fm_child_flag {
  FM_CHILD_ARMED =
      1, /* carried probes from its first instruction on; cleared when a hit was lost */
  FM_CHILD_PARENT_TAINTED = 2, /* its parent was itself a tainted child */
  FM_CHILD_ADOPTED = 4,        /* forked before anybody watched */
  FM_CHILD_LEADERLESS = 8,     /* its first thread has ended, and it has not */
  FM_CHILD_UNSURE =
      16, /* adopted, and perhaps not tainted: its calls may be right, and do not count */
};

enum fm_outcome {
  FM_OUTCOME_EXEC = 1,
  FM_OUTCOME_EXIT = 2, /* exited or was killed: see exit_code */
};

/* Value of the `families` map: a process that is watched, or carries probes. */
struct fm_family {
  __u32 flags;   /* enum fm_family_flag */
  __u32 account; /* below FM_MAX_ACCOUNTS; its children share it */
  __u64 arming;  /* which arming gave it its probes, see fm_carried; 0: it carries none */
};

/*
 * Value of the `carried` map, by account: the one place that says what a family carries now. The
 * agent takes a number that was never used before whenever it puts probes on a family, and gives it
 * to those processes only that have got all of them; what they fork has it from them.
 */
struct fm_carried {
  __u64
      since; /* marks of earlier armings are worth nothing; FM_NOBODY: no mark is worth anything */
  __u64 all; /* marks of this arming stand for all tiers; 0: a tier is off */
  __u32 events; /* perf events of a thread that carries all; a fork that was under way has fewer */
  __u32 reserved;
};
#define FM_NOBODY (~(__u64)0)

/* Value of the `accounts` map, for each CPU: what a family has used of its probes. */
struct fm_account {
  __u64 hits[FM_TIER_COUNT]; /* whoever of the family made them */
  __u64 forks;               /* each of which copies the probes */
  __u64 execs;               /* each of which takes them out again */
  __s64 carriers; /* threads that inherited the probes, less all that carried them and ended */
};

/* Start of every record. */
struct fm_record {
  __u32 kind;    /* enum fm_record_kind */
  __u32 size;    /* of the whole record, in bytes */
  __u64 time_ns; /* CLOCK_MONOTONIC */
};

/* A tainted child. (pid, fork_time_ns) names it for ever; pids are those of the agent's pid
 * namespace. */
struct fm_child {
  __u64 fork_time_ns; /* CLOCK_MONOTONIC */
  __u32 pid;
  __u32 parent_pid;
  __u64 start_ns;        /* CLOCK_BOOTTIME */
  __u64 parent_start_ns; /* CLOCK_BOOTTIME, of the parent's first thread */
  __u32 parent_threads;  /* threads of the parent at the fork, the forking one included */
  __u32 flags;           /* enum fm_child_flag */
};

/* Value of the `taints` map: what the kernel knows of a tainted child. */
struct fm_taint {
  struct fm_child child;
  __u64 calls;
  __u32 ended;           /* its end has been reported: an exit seen by two threads counts once */
  __u32 unresolved_hits; /* of probes that could not be matched to a library */
  __u64 faulted[FM_MAX_FUNCTIONS / 64]; /* bits by function id: reported for a page fault */
};

/* A tainted child was made. */
struct fm_fork_record {
  struct fm_record record;
  struct fm_child child;
  __u64 cgroup_id;
  __u64 exe_inode;
  __u32 exe_dev; /* the kernel's dev_t: major << 20 | minor */
  __u32 uid;
  __u32 parent_tid;
  __u32 parent_execs; /* grows with each exec of the parent */
  char parent_comm[FM_COMM_LEN];
  char child_comm[FM_COMM_LEN];
  char exe_name[FM_EXE_NAME_LEN];
  __u64 fork_ip;                         /* of the system call, in the parent; 0: not known */
  __u64 fork_stack[FM_FORK_STACK_WORDS]; /* from the stack pointer up: who made the call */
};

/* The first call of a function by a tainted child. */
struct fm_call_record {
  struct fm_record record;
  struct fm_child child;
  __u64 ip; /* of the probe or of what faulted, in the child's address space */
  __u16 function;
  __u16 library;
  __u32 tid;
  char comm[FM_COMM_LEN];
};

/* The first call of a function, with what it takes to unwind the stack. */
struct fm_call_stack_record {
  struct fm_call_record call;
  __u64 known_registers; /* bits by DWARF number */
  __u64 registers[FM_REGISTERS];
  __u64 stack_start; /* a multiple of FM_STACK_PIECE, at or below the stack pointer */
  __u32 stack_bytes; /* how many could be copied */
  __u32 reserved;
  __u8 stack[FM_MAX_STACK_BYTES];
};

/* How often a tainted child called each function, by function id. */
struct fm_calls_record {
  struct fm_record record;
  struct fm_child child;
  __u32 counts[FM_MAX_FUNCTIONS];
};

/* A tainted child called exec, or ended. */
struct fm_end_record {
  struct fm_record record;
  struct fm_child child;
  __u64 calls;     /* sum of its counts: what the fm_calls_record must add up to */
  __u32 outcome;   /* enum fm_outcome */
  __u32 exit_code; /* as wait(2) reports it; 0 for FM_OUTCOME_EXEC */
  __u32 unresolved_hits;
  __u32 reserved;
  char comm[FM_COMM_LEN];
};

/* An executable was started, the first time in a while. */
struct fm_exe_record {
  struct fm_record record;
  __u64 exe_inode;
  __u32 exe_dev; /* the kernel's dev_t: major << 20 | minor */
  __u32 pid;
  char path[FM_EXE_PATH_LEN]; /* as it was given to execve(2): relative, or a link, as may be */
};

/* Record of the `threaded` ring buffer: an armed process has started its first thread. */
struct fm_threaded {
  __u32 pid;
  __u32 reserved;
};

/*
 * Record of the `mapped` ring buffer: an armed process has called exec, or its dynamic loader has
 * mapped something or is about to.
 */
struct fm_mapped {
  __u64 time_ns; /* CLOCK_MONOTONIC */
  __u32 pid;
  __u8 is_exec;
  __u8 is_stopped; /* by SIGSTOP, until the agent lets it go on */
  __u16 account;   /* of its family */
  __u32 execs;     /* its task->self_exec_id */
  __u32 reserved;
};

/* Key of the `files` map: a file as the kernel's vm_area_struct has it. */
struct fm_file {
  __u64 object; /* address of the struct inode, or 0: see FileId in event.h */
  __u64 inode;
  __u32 dev; /* the kernel's dev_t: major << 20 | minor */
  __u32 reserved;
};

/* Key of the `sites` map: one probed instruction. */
struct fm_site {
  struct fm_file file;
  __u64 offset; /* in the file */
};

/* What bpf/mapped_files.bpf.c writes of a mapping. */
struct fm_mapping {
  __u64 start;
  __u64 end;
  __u64 file_offset; /* of `start` */
  struct fm_file file;
};

/* Argument and answer of its program `what_is_mapped_at`. */
struct fm_own_mapping {
  __u64 address;       /* in the process that asks */
  struct fm_file file; /* `inode` 0: no file is mapped there, or it could not be seen */
};

/* Value of the `files` map: the file's part of the `code` map, sorted by start. */
struct fm_file_code {
  __u32 first;
  __u32 count;
};

/* Entry of the `code` map: bytes of a file that belong to a function. */
struct fm_code_range {
  __u64 start; /* in the file */
  __u64 end;   /* of the last byte, plus one */
  __u32 place; /* FM_PLACE */
  __u32 reserved;
};

#ifdef __cplusplus
#define FM_ASSERT_SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)
#else
#define FM_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#endif
FM_ASSERT_SIZE(fm_family, 16);
FM_ASSERT_SIZE(fm_carried, 24);
FM_ASSERT_SIZE(fm_account, 40);
FM_ASSERT_SIZE(fm_record, 16);
FM_ASSERT_SIZE(fm_child, 40);
FM_ASSERT_SIZE(fm_taint, 56 + FM_MAX_FUNCTIONS / 8);
FM_ASSERT_SIZE(fm_fork_record, 192 + 8 * FM_FORK_STACK_WORDS);
FM_ASSERT_SIZE(fm_call_record, 88);
FM_ASSERT_SIZE(fm_call_stack_record, 376 + FM_MAX_STACK_BYTES);
FM_ASSERT_SIZE(fm_calls_record, 56 + 4 * FM_MAX_FUNCTIONS);
FM_ASSERT_SIZE(fm_end_record, 96);
FM_ASSERT_SIZE(fm_exe_record, 288);
FM_ASSERT_SIZE(fm_threaded, 8);
FM_ASSERT_SIZE(fm_mapped, 24);
FM_ASSERT_SIZE(fm_site, 32);
FM_ASSERT_SIZE(fm_file, 24);
FM_ASSERT_SIZE(fm_mapping, 48);
FM_ASSERT_SIZE(fm_own_mapping, 32);
FM_ASSERT_SIZE(fm_file_code, 8);
FM_ASSERT_SIZE(fm_code_range, 24);

#endif /* FORKMON_WIRE_H */
