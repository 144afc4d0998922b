/* SPDX-License-Identifier: MIT */
/* The child waits for something that can come: no deadlock. The argument says for what: futex
 * (with a timeout), read, poll, wait4, nanosleep, signal, join (of its thread, which sleeps),
 * mutex (that its own other thread holds while it sleeps), vm-child (a process that shares its
 * memory will wake it), vm-parent (such a process waits, and it will wake that). */
#include "stuck.h"

#include <linux/futex.h>
#include <sched.h>

#define SECONDS 3

static int pipe_ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

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

static int shared_word;

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

static void share_memory_with(int (*helper)(void*)) {
  static char stack[1 << 16] __attribute__((aligned(16)));
  check(clone(helper, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL) > 0, "clone");
}

static void wait_for_vm_child(void) {
  share_memory_with(wake_later);
  wait_to_be_woken(NULL);
}

static void wake_vm_child_later(void) {
  share_memory_with(wait_to_be_woken);
  wake_later(NULL);
}

static const struct {
  const char* name;
  void (*body)(void);
} waits[] = {
    {"futex", wait_in_futex},         {"read", wait_in_read},
    {"poll", wait_in_poll},           {"wait4", wait_in_wait4},
    {"nanosleep", wait_in_nanosleep}, {"signal", wait_for_signal},
    {"join", wait_in_join},           {"mutex", wait_for_mutex},
    {"vm-child", wait_for_vm_child},  {"vm-parent", wake_vm_child_later},
};

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "read";
  start_sleeping_thread();
  check(pipe(pipe_ends) == 0, "pipe");
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    if (strcmp(waits[i].name, name) != 0)
      continue;
    pid_t child = fork_mortal(waits[i].body);
    say("{\"waits\": %d}\n", (int)child);
    sleep(SECONDS);
    kill_and_wait(child);
    return 0;
  }
  return 2;
}
