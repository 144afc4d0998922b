/* SPDX-License-Identifier: MIT */
/* N children (the argument, 1,000 by default), 50 at a time, each of which waits for about a second
 * in one way and is woken: none of them is ever deadlocked. Two processes keep the machine busy. */
#include "stuck.h"

#include <errno.h>
#include <linux/futex.h>

#define AT_A_TIME 50
#define BUSY 2

static int word;
static int milliseconds;
static int is_woken;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void* wake_futex(void* unused) {
  usleep((useconds_t)milliseconds * 1000);
  __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  return unused;
}

static void* signal_condition(void* unused) {
  usleep((useconds_t)milliseconds * 1000);
  pthread_mutex_lock(&mutex);
  is_woken = 1;
  pthread_cond_signal(&condition);
  pthread_mutex_unlock(&mutex);
  return unused;
}

static void* hold_mutex(void* has) {
  pthread_mutex_lock(&mutex);
  pthread_barrier_wait(has);
  usleep((useconds_t)milliseconds * 1000);
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void be_woken(void) {
  start_thread(wake_futex, NULL, NULL);
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void time_out(void) {
  struct timespec timeout = {.tv_sec = milliseconds / 1000,
                             .tv_nsec = milliseconds % 1000 * 1000000L};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout, NULL, 0);
}

static void be_signalled(void) {
  start_thread(signal_condition, NULL, NULL);
  pthread_mutex_lock(&mutex);
  while (!is_woken)
    pthread_cond_wait(&condition, &mutex);
}

static void contend(void) {
  static pthread_barrier_t has;
  pthread_barrier_init(&has, NULL, 2);
  start_thread(hold_mutex, &has, NULL);
  pthread_barrier_wait(&has);
  pthread_mutex_lock(&mutex);
}

static void wait_for_thread(void) {
  pthread_t thread;
  start_thread(wake_futex, NULL, &thread);
  pthread_join(thread, NULL);
}

static void poll_nothing(void) {
  poll(NULL, 0, milliseconds);
}

/* Its own child, which shares the pipe, wakes it. */
static void read_from_own_child(void) {
  int ends[2];
  check(pipe(ends) == 0, "pipe");
  pid_t child = fork();
  if (child == 0) {
    poll_nothing();
    _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
  }
  char byte;
  check(child > 0 && read(ends[0], &byte, 1) == 1, "read");
  wait_for(child);
}

static void sleep_a_while(void) {
  struct timespec duration = {.tv_sec = milliseconds / 1000,
                              .tv_nsec = milliseconds % 1000 * 1000000L};
  nanosleep(&duration, NULL);
}

static void (*const bodies[])(void) = {be_woken,        time_out,     be_signalled,
                                       contend,         poll_nothing, read_from_own_child,
                                       wait_for_thread, sleep_a_while};

static pid_t fork_harmless(int number) {
  pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    milliseconds = 600 + number * 37 % 600;
    bodies[(size_t)number % (sizeof bodies / sizeof *bodies)]();
    _exit(0);
  }
  return child;
}

static void be_busy(void) {
  for (;;)
    getppid();
}

/* Waits for one of the children; the busy ones do not end. */
static void wait_for_one(void) {
  int status = 0;
  check(wait(&status) > 0 && status == 0, "a child that ends well");
}

int main(int argc, char** argv) {
  int children = argc > 1 ? atoi(argv[1]) : 1000;
  pid_t busy[BUSY];
  for (int i = 0; i < BUSY; i++)
    busy[i] = fork_mortal(be_busy);
  start_sleeping_thread();
  for (int i = 0; i < children; i++) {
    if (i >= AT_A_TIME)
      wait_for_one();
    fork_harmless(i);
  }
  for (int i = 0; i < AT_A_TIME && i < children; i++)
    wait_for_one();
  for (int i = 0; i < BUSY; i++)
    kill_and_wait(busy[i]);
  say("{\"harmless\": %d}\n", children);
  return 0;
}
