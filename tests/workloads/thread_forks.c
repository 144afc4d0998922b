/* SPDX-License-Identifier: MIT */
/* Threads of one process fork children that allocate: each byte on stdin says which one does, 'a'
 * to 't' those that are always there, '+' one that is started for it. */
#include "workload.h"

#define THREADS 20

static int orders[THREADS][2]; /* pipes, on which these wait */

static void child(void) {
  allocate(10);
}

static void fork_and_say(void) {
  pid_t pid = fork_child(child);
  wait_for(pid);
  say("{\"child\": %d, \"by\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid,
      (int)gettid());
}

static void* fork_when_told(void* order) {
  char byte;
  while (read(*(int*)order, &byte, 1) == 1)
    fork_and_say();
  return NULL;
}

static void* fork_once(void* unused) {
  fork_and_say();
  return unused;
}

int main(void) {
  char byte;
  pthread_t thread;
  for (int i = 0; i < THREADS; i++) {
    check(pipe(orders[i]) == 0, "pipe");
    start_thread(fork_when_told, &orders[i][0], NULL);
  }
  say("{\"pid\": %d}\n", (int)getpid());
  while (read(STDIN_FILENO, &byte, 1) == 1) {
    if (byte == '+') {
      start_thread(fork_once, NULL, &thread);
      check(pthread_join(thread, NULL) == 0, "pthread_join");
    } else {
      check(byte >= 'a' && byte < 'a' + THREADS, "a thread's letter");
      check(write(orders[byte - 'a'][1], &byte, 1) == 1, "write");
    }
  }
  return 0;
}
