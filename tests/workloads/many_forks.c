/* SPDX-License-Identifier: MIT */
/* N children (the argument, 100 by default), each of which allocates three blocks. */
#include "workload.h"

static void child(void) {
  allocate(3);
}

int main(int argc, char** argv) {
  int forks = argc > 1 ? atoi(argv[1]) : 100;
  start_sleeping_thread();
  for (int i = 0; i < forks; i++) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"malloc\": 3, \"free\": 3}}\n", (int)pid);
  }
  return 0;
}
