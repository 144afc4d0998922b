/* SPDX-License-Identifier: MIT */
/*
 * What the workloads share.
 *
 * A workload prints JSON lines on stdout, each of them a truth that a monitor must report:
 *   {"child": PID, "calls": {FUNCTION: COUNT, ...}}     exactly these unsafe calls
 *   {"child": PID, "at_least": {FUNCTION: COUNT, ...}}  these, and what libc calls on their behalf
 *   {"clean": true}                                     no tainted child did anything unsafe
 * Children do what their truth says and nothing else: they end with _exit, and only the parent
 * prints, with write(2).
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* Ends the workload where it cannot do its part: its truth would be a lie. */
UNUSED static void check(int good, const char* what) {
  if (!good) {
    perror(what);
    _exit(99);
  }
}

UNUSED __attribute__((format(printf, 1, 2))) static void say(const char* format, ...) {
  char line[512];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  check(length > 0 && write(STDOUT_FILENO, line, (size_t)length) == length, "write");
}

UNUSED static void* sleep_for_ever(void* unused) {
  for (;;)
    pause();
  return unused;
}

UNUSED static void start_thread(void* (*body)(void*), void* argument, pthread_t* thread) {
  pthread_t ignored;
  check(pthread_create(thread ? thread : &ignored, NULL, body, argument) == 0, "pthread_create");
}

/* The thread that makes the forks of this process unsafe. */
UNUSED static void start_sleeping_thread(void) {
  start_thread(sleep_for_ever, NULL, NULL);
}

/* Forks a child that runs `body`; the child ends with status 0 unless body ends it itself. */
UNUSED static pid_t fork_child(void (*body)(void)) {
  pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    body();
    _exit(0);
  }
  return child;
}

UNUSED static void wait_for(pid_t child) {
  check(waitpid(child, NULL, 0) == child, "waitpid");
}

/* Forks a child beside a sleeping thread, waits for it, and says the truth: `truth` is the part
 * after the pid, such as "\"calls\": {\"malloc\": 1}". */
UNUSED static int one_child(void (*body)(void), const char* truth) {
  start_sleeping_thread();
  pid_t child = fork_child(body);
  wait_for(child);
  say("{\"child\": %d, %s}\n", (int)child, truth);
  return 0;
}

UNUSED static void live_long(void) {
  usleep(500 * 1000);
}

/* Becomes what --probe=auto arms: a process with a thread and a child that lives long. */
UNUSED static pid_t become_suspect(void) {
  start_sleeping_thread();
  pid_t first = fork_child(live_long);
  say("{\"pid\": %d, \"first\": %d}\n", (int)getpid(), (int)first);
  return first;
}

/* Allocates and frees `count` blocks, all of them alive at once. At most 1,000. */
UNUSED static void allocate(int count) {
  static __thread void* blocks[1000];
  for (int i = 0; i < count; i++)
    blocks[i] = malloc(32);
  for (int i = 0; i < count; i++)
    free(blocks[i]);
}

/* Waits until the test writes a byte to stdin. */
UNUSED static void wait_for_byte(void) {
  char byte;
  check(read(STDIN_FILENO, &byte, 1) == 1, "read of stdin");
}

#endif
