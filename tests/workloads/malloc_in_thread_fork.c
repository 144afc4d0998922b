/* SPDX-License-Identifier: MIT */
/* The fork is made by a thread other than the main one. */
#include "workload.h"

static void child(void) {
  allocate(100);
}

static void* forking_thread(void* pid) {
  *(pid_t*)pid = fork_child(child);
  return NULL;
}

int main(void) {
  pthread_t thread;
  pid_t pid = 0;
  start_thread(forking_thread, &pid, &thread);
  check(pthread_join(thread, NULL) == 0, "pthread_join");
  wait_for(pid);
  say("{\"child\": %d, \"calls\": {\"malloc\": 100, \"free\": 100}}\n", (int)pid);
  return 0;
}
