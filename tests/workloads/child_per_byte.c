/* SPDX-License-Identifier: MIT */
/* For each byte on stdin a child that allocates, until stdin ends. */
#include "workload.h"

static void child(void) {
  allocate(10);
}

int main(void) {
  char byte;
  start_sleeping_thread();
  say("{\"pid\": %d}\n", (int)getpid());
  while (read(STDIN_FILENO, &byte, 1) > 0) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid);
  }
  return 0;
}
