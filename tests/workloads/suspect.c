/* SPDX-License-Identifier: MIT */
/* For --probe=auto: a child that lives long, then, at a byte on stdin, ten that allocate. */
#include "workload.h"

static void live_long(void) {
  usleep(500 * 1000);
}

static void child(void) {
  allocate(10);
}

int main(void) {
  start_sleeping_thread();
  pid_t first = fork_child(live_long);
  say("{\"pid\": %d, \"first\": %d}\n", (int)getpid(), (int)first);
  wait_for_byte();
  wait_for(first);
  for (int i = 0; i < 10; i++) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid);
  }
  return 0;
}
