/* SPDX-License-Identifier: MIT */
/*
 * Children that wait for ever, each in another way. Without arguments all of them at once, else
 * those that are named. Each prints
 *   {"stuck": PID, "name": NAME, "proof": true or false, "severity": SEVERITY, "reason": PART,
 *    "lock": KIND or null, "address": "0x…" or null}
 * `reason`: a part of the finding's, with proof null. The workload then waits for a byte on stdin,
 * at most 20 s or what WORKLOAD_SECONDS says, and kills them.
 */
#include "stuck.h"

#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>

#define WATCHED_SECONDS 20

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t pshared;
static pthread_mutex_t robust;
static pthread_mutex_t* shared; /* in memory of all processes */
static sem_t semaphore;
static uint32_t word = 2;

static void raw_futex(int operation, const struct timespec* timeout) {
  static uint32_t other;
  syscall(SYS_futex, &word, operation, 2, timeout, &other, -1);
}

static void take_plain(void) {
  pthread_mutex_lock(&plain);
}

static void take_pshared(void) {
  pthread_mutex_lock(&pshared);
}

static void take_robust(void) {
  pthread_mutex_lock(&robust);
}

static void take_shared(void) {
  pthread_mutex_lock(shared);
}

static void take_all(void) {
  take_plain();
  take_pshared();
  take_robust();
  take_shared();
}

static void wait_without_flag(void) {
  raw_futex(FUTEX_WAIT, NULL);
}

static void wait_to_be_requeued(void) {
  raw_futex(FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, NULL);
  wait_without_flag(); /* where the kernel cannot */
}

/* struct futex_waitv and numbers younger than the C library's headers. */
static void wait_for_vector(void) {
  struct {
    uint64_t value, address;
    uint32_t flags, reserved;
  } words[2] = {{2, (uintptr_t)&word, 2 | 128, 0}, {2, (uintptr_t)&word, 2, 0}};
  syscall(449, words, 2, 0, NULL, 0);
  wait_without_flag();
}

static void wait_with_futex2(void) {
  syscall(455, &word, 2UL, 0xffffffffUL, 2 | 128, NULL, 0);
  wait_without_flag();
}

static void* take_in_thread(void* unused) {
  take_plain();
  return unused;
}

static void serve_while_a_thread_is_stuck(void) {
  pthread_t thread;
  start_thread(take_in_thread, NULL, &thread);
  start_thread(take_in_thread, NULL, &thread);
  for (;;)
    poll(NULL, 0, 50);
}

static void join_a_stuck_thread(void) {
  pthread_t thread;
  start_thread(take_in_thread, NULL, &thread);
  pthread_join(thread, NULL);
}

static void end_first_thread(void) {
  pthread_t thread;
  start_thread(take_in_thread, NULL, &thread);
  syscall(SYS_exit, 0);
}

static void* wait_in_semaphore(void* unused) {
  sem_wait(&semaphore);
  return unused;
}

static void wait_for_nobody(void) {
  sem_init(&semaphore, 0, 0);
  wait_in_semaphore(NULL);
}

static void do_nothing(int signal) {
  (void)signal;
}

static void handle_signals(void) {
  struct sigaction action = {.sa_handler = do_nothing};
  check(sigaction(SIGTERM, &action, NULL) == 0, "sigaction");
}

static void take_with_handler(void) {
  handle_signals();
  take_plain();
}

static void wait_with_handler(void) {
  handle_signals();
  wait_for_nobody();
}

static void wait_with_blocked_handler(void) {
  sigset_t all;
  handle_signals();
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  wait_for_nobody();
}

/* Named like gperftools' and abseil's, which sleep like this between two tries. */
__attribute__((noinline)) static void SpinLockDelay(void) {
  struct timespec timeout = {.tv_nsec = 3000000};
  raw_futex(FUTEX_WAIT | FUTEX_PRIVATE_FLAG, &timeout);
  __asm__ volatile("" : : : "memory");
}

__attribute__((noinline)) static void wait_in_spin_lock(void) {
  for (;;)
    SpinLockDelay();
}

static void wait_in_own_loop(void) {
  struct timespec timeout = {.tv_nsec = 10000000};
  for (;;)
    raw_futex(FUTEX_WAIT | FUTEX_PRIVATE_FLAG, &timeout);
}

static volatile uint32_t flag;
static volatile uint64_t computed;

static void compute_then_spin(void) {
  struct timespec now, start;
  uint64_t sum = 1;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    for (int i = 0; i < 10000000; i++)
      sum = sum * 31 + (uint64_t)i;
    computed = sum;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < 5);
  while (!flag) {
  }
}

/* Home-made spin locks, in memory that is the child's own. */
static void yield_in_a_loop(void) {
  while (!flag)
    sched_yield();
}

static void nap_in_a_loop(void) {
  munmap(shared, sizeof *shared); /* somebody might write to it */
  while (!flag)
    usleep(500);
}

static const struct way {
  const char* name;
  void (*body)(void);
  const char* severity; /* critical: proven */
  const char* reason;
  const char* lock;
  const void* address;
} ways[] = {
    {"mutex", take_plain, "critical", NULL, "mutex", &plain},
    {"mutex-handler", take_with_handler, "critical", NULL, "mutex", &plain},
    {"pshared", take_pshared, "critical", NULL, "mutex", &pshared},
    {"robust", take_robust, "critical", NULL, NULL, &robust},
    {"unflagged", wait_without_flag, "critical", NULL, NULL, &word},
    {"requeue", wait_to_be_requeued, "critical", NULL, NULL, &word},
    {"waitv", wait_for_vector, "critical", NULL, NULL, &word},
    {"futex2", wait_with_futex2, "critical", NULL, NULL, &word},
    {"threads", serve_while_a_thread_is_stuck, "critical", NULL, "mutex", &plain},
    {"join", join_a_stuck_thread, "critical", NULL, "mutex", &plain},
    {"leader", end_first_thread, "critical", NULL, "mutex", &plain},
    {"semaphore", wait_for_nobody, "critical", NULL, "semaphore", &semaphore},
    {"blocked-handler", wait_with_blocked_handler, "critical", NULL, "semaphore", &semaphore},
    {"handler", wait_with_handler, "info", "signal", "semaphore", &semaphore},
    {"spin-lock", wait_in_spin_lock, "critical", NULL, NULL, &word},
    {"timed", wait_in_own_loop, "high", "timeouts", NULL, &word},
    {"late-spin", compute_then_spin, "warning", "spins", NULL, NULL},
    {"yields", yield_in_a_loop, "warning", "spins", NULL, NULL},
    {"naps", nap_in_a_loop, "warning", "spins", NULL, NULL},
    {"shared", take_shared, "warning", "alive", "mutex", NULL},
};
#define WAYS (sizeof ways / sizeof *ways)

static void make(pthread_mutex_t* mutex, int is_shared, int is_robust) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (is_shared)
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (is_robust)
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  check(pthread_mutex_init(mutex, &attributes) == 0, "pthread_mutex_init");
}

static int is_named(const struct way* way, int argc, char** argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], way->name) == 0)
      return 1;
  return argc < 2;
}

static const char* quoted(const char* text, char* to, size_t size) {
  snprintf(to, size, text ? "\"%s\"" : "null", text);
  return to;
}

static void say_truth(const struct way* way, pid_t child) {
  char reason[32], lock[32], address[32] = "null";
  if (way->address)
    snprintf(address, sizeof address, "\"%p\"", way->address);
  say("{\"stuck\": %d, \"name\": \"%s\", \"proof\": %s, \"severity\": \"%s\", \"reason\": %s, "
      "\"lock\": %s, \"address\": %s}\n",
      (int)child, way->name, way->reason ? "false" : "true", way->severity,
      quoted(way->reason, reason, sizeof reason), quoted(way->lock, lock, sizeof lock), address);
}

int main(int argc, char** argv) {
  struct holder holder = {.name = "lock holder", .take = take_all};
  pid_t children[WAYS] = {0};
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(shared != MAP_FAILED, "mmap");
  make(shared, 1, 0);
  make(&pshared, 1, 0);
  make(&robust, 0, 1);
  start_sleeping_thread();
  start_holder(&holder);
  for (size_t i = 0; i < WAYS; i++) {
    if (!is_named(&ways[i], argc, argv))
      continue;
    children[i] = fork_mortal(ways[i].body);
    say_truth(&ways[i], children[i]);
  }
  be_watched(WATCHED_SECONDS);
  for (size_t i = 0; i < WAYS; i++)
    if (children[i] != 0)
      kill_and_wait(children[i]);
  return 0;
}
