/* SPDX-License-Identifier: MIT */
/*
 * Children that wait for something that can come, or that work: no deadlocks. Without arguments all
 * of them at once, else those that are named. Each prints
 *   {"waits": PID, "name": NAME, "may": "nothing" | "info" | "warning" | "high"}
 * `may`: the worst suspicion that is allowed of it. They live for 7 s, or what WORKLOAD_SECONDS
 * says, because some suspicions need more than 3 s of patience. Then those are let go that can be,
 * and must end well; the others are killed.
 */
#include "stuck.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#define SECONDS 7

static int seconds = SECONDS;
static int pipe_ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inherited = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;
static sem_t* shared_semaphore;

static void wait_in_nanosleep(void) {
  sleep(2 * SECONDS);
}

static void wait_in_futex(void) {
  static int word;
  struct timespec timeout = {.tv_sec = 2 * SECONDS};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL, 0);
}

static void wait_in_read(void) {
  char byte;
  check(read(pipe_ends[0], &byte, 1) >= 0, "read");
}

static void wait_in_poll(void) {
  struct pollfd input = {.fd = pipe_ends[0], .events = POLLIN};
  poll(&input, 1, -1);
}

static void wait_in_wait4(void) {
  wait_for(fork_mortal(wait_in_nanosleep));
}

static void wait_for_signal(void) {
  pause();
}

static void* sleep_in_thread(void* unused) {
  wait_in_nanosleep();
  return unused;
}

static void wait_in_join(void) {
  pthread_t thread;
  start_thread(sleep_in_thread, NULL, &thread);
  pthread_join(thread, NULL);
}

static void take(void) {
  pthread_mutex_lock(&mutex);
}

static void wait_for_mutex(void) {
  struct holder holder = {.name = "lock holder", .take = take};
  start_holder(&holder);
  take();
}

/* Processes that share their memory. */

static int shared_word;
static char stacks[2][1 << 16] __attribute__((aligned(16)));

static int wake_later(void* unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  wait_in_nanosleep();
  syscall(SYS_futex, &shared_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  return 0;
}

static int wait_to_be_woken(void* unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  syscall(SYS_futex, &shared_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  return 0;
}

static pid_t share_memory_with(int (*helper)(void*), int which) {
  pid_t pid = clone(helper, stacks[which] + sizeof stacks[which], CLONE_VM | SIGCHLD, NULL);
  check(pid > 0, "clone");
  return pid;
}

static void wait_for_vm_child(void) {
  share_memory_with(wake_later, 0);
  wait_to_be_woken(NULL);
}

static void wake_vm_child_later(void) {
  share_memory_with(wait_to_be_woken, 0);
  wake_later(NULL);
}

static int wake_when_let_go(void* unused) {
  (void)unused;
  alarm(3 * SECONDS); /* it is nobody's child by now */
  sleep((unsigned)seconds + 1);
  shared_word = 1;
  syscall(SYS_futex, &shared_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  syscall(SYS_exit, 0);
  return 0;
}

static int share_memory_and_end(void* unused) {
  (void)unused;
  share_memory_with(wake_when_let_go, 1);
  syscall(SYS_exit, 0);
  return 0;
}

static void wait_for_vm_stranger(void) {
  waitpid(share_memory_with(share_memory_and_end, 0), NULL, 0);
  while (!shared_word)
    syscall(SYS_futex, &shared_word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* Signal handlers that end a wait. */

static int own_end;

static void post(int signal) {
  (void)signal;
  sem_post(&semaphore);
}

static void write_to_itself(int signal) {
  uint64_t one = 1;
  (void)signal;
  if (write(own_end, &one, sizeof one) != sizeof one)
    _exit(3);
}

static void handle(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  check(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
}

static void wait_for_post(void) {
  sem_init(&semaphore, 0, 0);
  handle(post);
  while (sem_wait(&semaphore) != 0) {
  }
}

static void read_own(int in, int out) {
  uint64_t bytes;
  own_end = out;
  handle(write_to_itself);
  if (read(in, &bytes, sizeof bytes) != sizeof bytes)
    _exit(2);
}

static void wait_in_own_pipe(void) {
  int ends[2];
  check(pipe(ends) == 0, "pipe");
  read_own(ends[0], ends[1]);
}

static void wait_in_own_eventfd(void) {
  int both = eventfd(0, 0);
  check(both >= 0, "eventfd");
  read_own(both, both);
}

static void* wait_for_job(void* unused) {
  while (sem_wait(&semaphore) != 0) {
  }
  sem_post(&semaphore); /* for the others */
  return unused;
}

static void wait_with_threads(void) {
  pthread_t thread;
  sem_init(&semaphore, 0, 0);
  handle(post);
  start_thread(wait_for_job, NULL, &thread);
  wait_for_job(NULL);
}

/* What the thread that forked had taken, the child's first thread releases. */

static pthread_mutex_t own_mutex = PTHREAD_MUTEX_INITIALIZER;

static void* take_own(void* unused) {
  pthread_mutex_lock(&own_mutex);
  pthread_mutex_unlock(&own_mutex);
  return unused;
}

static void release_later(void) {
  pthread_t thread;
  start_thread(take_own, NULL, &thread);
  sleep((unsigned)seconds + 1);
  pthread_mutex_unlock(&own_mutex);
  pthread_join(thread, NULL);
}

/* Idle workers. */

static void wait_for_shared_job(void) {
  while (sem_wait(shared_semaphore) != 0) {
  }
  sem_post(shared_semaphore); /* for the other, which may have been meant */
}

static void* wait_for_condition(void* unused) {
  static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  take();
  for (;;)
    pthread_cond_wait(&condition, &mutex);
  return unused;
}

static void serve_with_idle_threads(void) {
  pthread_t thread;
  struct epoll_event event;
  sem_init(&semaphore, 0, 0);
  for (int i = 0; i < 3; i++) {
    start_thread(wait_for_condition, NULL, &thread);
    start_thread(wait_for_job, NULL, &thread);
  }
  epoll_wait(epoll_create1(0), &event, 1, -1);
}

/* Loops of waits with timeouts. */

static struct timespec in_milliseconds(long milliseconds) {
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += milliseconds * 1000000;
  when.tv_sec += when.tv_nsec / 1000000000;
  when.tv_nsec %= 1000000000;
  return when;
}

static void loop_in_condition(void) {
  static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
  take();
  for (;;) {
    struct timespec when = in_milliseconds(20);
    pthread_cond_timedwait(&condition, &mutex, &when);
  }
}

static void loop_in_semaphore(void) {
  sem_init(&semaphore, 0, 0);
  for (;;) {
    struct timespec when = in_milliseconds(20);
    sem_timedwait(&semaphore, &when);
  }
}

static void loop_in_nanosleep(void) {
  for (;;)
    usleep(10000);
}

/* Naps with something to see in between, by children that share no memory. */

static void unshare_memory(void) {
  munmap(shared_semaphore, sizeof *shared_semaphore);
}

static void nap_while_the_parent_lives(void) {
  unshare_memory();
  while (getppid() != 1)
    usleep(1000);
}

static void nap_for_a_time(void) {
  struct timespec now;
  unshare_memory();
  do {
    usleep(1000);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec != 0);
}

__attribute__((optimize("O0"))) static void nap_a_number_of_times(void) {
  unshare_memory();
  for (unsigned i = 0; i < 1000000000; i++)
    usleep(1000);
}

static void nap_for_long(void) {
  unshare_memory();
  for (;;)
    usleep(200000);
}

static void loop_in_long_futex_wait(void) {
  static int word;
  struct timespec timeout = {.tv_sec = 1};
  for (;;)
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL, 0);
}

/* Work. */

static unsigned char data[1 << 22], copy[1 << 22];
static volatile uint32_t result;

static void compute_checksum(void) {
  uint32_t sum = 1;
  for (;;) {
    for (size_t i = 0; i < sizeof data; i++)
      sum = (sum << 1) ^ (sum >> 31 ? 0x04c11db7u : 0) ^ data[i];
    result = sum;
  }
}

static void compute_sum(void) {
  uint32_t sum = 1;
  for (;;) {
    for (size_t i = 0; i < sizeof data; i++)
      sum = sum * 31 + data[i];
    result = sum;
  }
}

__attribute__((optimize("O0"))) static void compute_sum_slowly(void) {
  uint32_t sum = 1;
  for (;;) {
    for (size_t i = 0; i < sizeof data; i++)
      sum = sum * 31 + data[i];
    result = sum;
  }
}

static void copy_memory(void) {
  for (;;) {
    memcpy(copy, data, sizeof data);
    __asm__ volatile("" : : "r"(copy) : "memory");
  }
}

/* Inside of futex, but held up by a page fault, which whoever has the descriptor can end. */
static void wait_for_page(void) {
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  char* page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {.range = {(uintptr_t)page, size},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  if (page != MAP_FAILED && faults >= 0 && ioctl(faults, UFFDIO_API, &api) == 0 &&
      ioctl(faults, UFFDIO_REGISTER, &range) == 0)
    syscall(SYS_futex, page, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  pause(); /* where the kernel refuses */
}

/* Deadlocked, but nobody can say so just now. */

static void take_inherited(void) {
  pthread_mutex_lock(&inherited);
}

static void hold_inherited(void) {
  pthread_mutex_lock(&inherited);
}

static void stop(pid_t child) {
  while (!is_in_futex(child))
    usleep(1000);
  kill(child, SIGSTOP);
}

static void trace(pid_t child) {
  check(ptrace(PTRACE_SEIZE, child, 0, 0) == 0, "ptrace");
}

static const struct wait {
  const char* name;
  void (*body)(void);
  const char* may;
  int is_let_go;        /* by a signal or a post, and ends with status 0 */
  void (*after)(pid_t); /* what the parent does to it */
} waits[] = {
    {"futex", wait_in_futex, "nothing", 0, NULL},
    {"read", wait_in_read, "nothing", 0, NULL},
    {"poll", wait_in_poll, "nothing", 0, NULL},
    {"wait4", wait_in_wait4, "nothing", 0, NULL},
    {"nanosleep", wait_in_nanosleep, "nothing", 0, NULL},
    {"signal", wait_for_signal, "nothing", 0, NULL},
    {"join", wait_in_join, "nothing", 0, NULL},
    {"mutex", wait_for_mutex, "nothing", 0, NULL},
    {"vm-child", wait_for_vm_child, "warning", 0, NULL},
    {"vm-parent", wake_vm_child_later, "nothing", 0, NULL},
    {"vm-stranger", wait_for_vm_stranger, "warning", 1, NULL},
    {"handler-semaphore", wait_for_post, "info", 1, NULL},
    {"handler-pipe", wait_in_own_pipe, "nothing", 1, NULL},
    {"handler-eventfd", wait_in_own_eventfd, "nothing", 1, NULL},
    {"handler-threads", wait_with_threads, "info", 1, NULL},
    {"own-mutex", release_later, "nothing", 1, NULL},
    {"idle-worker-1", wait_for_shared_job, "info", 1, NULL},
    {"idle-worker-2", wait_for_shared_job, "info", 1, NULL},
    {"idle-threads", serve_with_idle_threads, "nothing", 0, NULL},
    {"loop-condition", loop_in_condition, "nothing", 0, NULL},
    {"loop-semaphore", loop_in_semaphore, "nothing", 0, NULL},
    {"loop-nanosleep", loop_in_nanosleep, "nothing", 0, NULL},
    {"nap-parent", nap_while_the_parent_lives, "nothing", 0, NULL},
    {"nap-time", nap_for_a_time, "nothing", 0, NULL},
    {"nap-number", nap_a_number_of_times, "nothing", 0, NULL},
    {"nap-long", nap_for_long, "nothing", 0, NULL},
    {"loop-futex", loop_in_long_futex_wait, "nothing", 0, NULL},
    {"checksum", compute_checksum, "nothing", 0, NULL},
    {"sum", compute_sum, "nothing", 0, NULL},
    {"sum-O0", compute_sum_slowly, "nothing", 0, NULL},
    {"memcpy", copy_memory, "nothing", 0, NULL},
    {"page", wait_for_page, "nothing", 0, NULL},
    {"stopped", take_inherited, "nothing", 0, stop},
    {"traced", take_inherited, "high", 0, trace},
};
#define WAITS (sizeof waits / sizeof *waits)

static int is_named(const struct wait* wait, int argc, char** argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], wait->name) == 0)
      return 1;
  return argc < 2;
}

static void let_go(const struct wait* wait, pid_t child) {
  int status = 0;
  if (wait->body == wait_for_shared_job)
    sem_post(shared_semaphore);
  else if (wait->body != wait_for_vm_stranger && wait->body != release_later)
    kill(child, SIGUSR1);
  check(waitpid(child, &status, 0) == child, "waitpid");
  if (status != 0)
    _exit(97);
}

int main(int argc, char** argv) {
  pid_t children[WAITS] = {0};
  const char* wanted = getenv("WORKLOAD_SECONDS");
  struct holder holder = {.name = "lock holder", .take = hold_inherited};
  if (wanted)
    seconds = atoi(wanted);
  end_in_time(seconds);
  shared_semaphore = mmap(NULL, sizeof *shared_semaphore, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(shared_semaphore != MAP_FAILED && sem_init(shared_semaphore, 1, 0) == 0, "sem_init");
  start_holder(&holder);
  check(pthread_mutex_lock(&own_mutex) == 0, "pthread_mutex_lock");
  check(pipe(pipe_ends) == 0, "pipe");
  for (size_t i = 0; i < WAITS; i++) {
    if (!is_named(&waits[i], argc, argv))
      continue;
    children[i] = fork_mortal(waits[i].body);
    if (waits[i].after)
      waits[i].after(children[i]);
    say("{\"waits\": %d, \"name\": \"%s\", \"may\": \"%s\"}\n", (int)children[i], waits[i].name,
        waits[i].may);
  }
  sleep((unsigned)seconds);
  for (size_t i = 0; i < WAITS; i++) {
    if (children[i] == 0)
      continue;
    if (waits[i].is_let_go)
      let_go(&waits[i], children[i]);
    else
      kill_and_wait(children[i]);
  }
  return 0;
}
