/* SPDX-License-Identifier: MIT */
/*
 * What the workloads with stuck children share.
 *
 * Their truth is a line for each child:
 *   {"stuck": PID, "proof": true, "lock": "mutex", "address": "0x…" or null,
 *    "owner": {"tid": TID, "alive": true} or null}
 *   {"waits": PID}    it waits for something that can come: no deadlock
 * The workload then waits for a byte on stdin, at most 8 s or what WORKLOAD_SECONDS in the
 * environment says, before it kills the child: long enough for a monitor to see it, and nothing is
 * left behind.
 */
#ifndef STUCK_H
#define STUCK_H

#include "workload.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#define SECONDS_TO_WATCH 8

/* A thread that holds something at the fork. `name` may be any bytes. */
struct holder {
  const char* name;
  void (*take)(void);
  int ends;              /* whether it ends with the lock held */
  pid_t tid;             /* set by start_holder */
  pthread_barrier_t has; /* passed once it has the lock */
};

UNUSED static void* hold(void* argument) {
  struct holder* holder = argument;
  holder->tid = (pid_t)syscall(SYS_gettid);
  check(prctl(PR_SET_NAME, holder->name) == 0, "prctl");
  holder->take();
  pthread_barrier_wait(&holder->has);
  return holder->ends ? NULL : sleep_for_ever(NULL);
}

UNUSED static void start_holder(struct holder* holder) {
  pthread_t thread;
  check(pthread_barrier_init(&holder->has, NULL, 2) == 0, "pthread_barrier_init");
  start_thread(hold, holder, &thread);
  pthread_barrier_wait(&holder->has);
  if (holder->ends)
    check(pthread_join(thread, NULL) == 0, "pthread_join");
}

/* The longest that a child may live, whatever becomes of its parent. */
#define MORTAL_SECONDS 600

/* The child ends with its parent, so that a test that was killed leaves nothing behind. */
UNUSED static pid_t fork_mortal(void (*body)(void)) {
  pid_t parent = getpid();
  pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    alarm(MORTAL_SECONDS);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it has ended before it could be asked for */
      _exit(1);
    body();
    _exit(0);
  }
  return child;
}

/* A workload whose session was killed ends all the same, and its children with it. */
UNUSED static void end_in_time(int seconds) {
  alarm((unsigned)(2 * seconds) + 60);
}

/* Waits for a byte on stdin until `seconds` have passed; a stdin that has ended brings none. */
UNUSED static void be_watched(int seconds) {
  const char* wanted = getenv("WORKLOAD_SECONDS");
  if (wanted)
    seconds = atoi(wanted);
  end_in_time(seconds);
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char byte;
  if (poll(&input, 1, seconds * 1000) > 0 && read(STDIN_FILENO, &byte, 1) != 1)
    sleep((unsigned)seconds);
}

UNUSED static void kill_and_wait(pid_t child) {
  kill(child, SIGKILL);
  wait_for(child);
}

/* The truth of a child that is stuck on a lock without an owner; `address` is null where only libc
 * knows it. */
UNUSED static int stuck(pid_t child, const char* proof, const char* lock, const void* address) {
  char text[32] = "null";
  if (address)
    snprintf(text, sizeof text, "\"%p\"", address);
  say("{\"stuck\": %d, \"proof\": %s, \"lock\": \"%s\", \"address\": %s, \"owner\": null}\n",
      (int)child, proof, lock, text);
  be_watched(SECONDS_TO_WATCH);
  kill_and_wait(child);
  return 0;
}

/* The truth of a child that is stuck on a mutex. The owner's name is the test's to know. */
UNUSED static int stuck_on_mutex(pid_t child, const char* proof, const pthread_mutex_t* mutex,
                                 const struct holder* holder) {
  say("{\"stuck\": %d, \"proof\": %s, \"lock\": \"mutex\", \"address\": \"%p\", "
      "\"owner\": {\"tid\": %d, \"alive\": %s}}\n",
      (int)child, proof, (const void*)mutex, (int)holder->tid, holder->ends ? "false" : "true");
  be_watched(SECONDS_TO_WATCH);
  kill_and_wait(child);
  return 0;
}

/* Whether the child is in futex, which is its state for ever once it is stuck on a lock. */
UNUSED static int is_in_futex(pid_t child) {
  char path[64];
  unsigned long number = 0;
  snprintf(path, sizeof path, "/proc/%d/syscall", (int)child);
  FILE* file = fopen(path, "r");
  int fields = file ? fscanf(file, "%lu", &number) : 0;
  if (file)
    fclose(file);
  return fields == 1 && number == SYS_futex;
}

/* Whether the child ends within a second. */
UNUSED static int ends_soon(pid_t child) {
  for (int i = 0; i < 1000; i++) {
    if (waitpid(child, NULL, WNOHANG) == child)
      return 1;
    usleep(i < 100 ? 100 : 1000);
  }
  return 0;
}

/* Forks until a child gets stuck in a lock that another thread takes and releases in a loop. */
UNUSED static pid_t fork_until_stuck(void (*body)(void)) {
  for (int tries = 0; tries < 5000; tries++) {
    pid_t child = fork_mortal(body);
    if (ends_soon(child))
      continue;
    if (is_in_futex(child))
      return child;
    kill_and_wait(child);
  }
  say("{\"none\": \"no child got stuck\"}\n");
  _exit(98);
}

#endif
