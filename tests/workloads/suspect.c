/* SPDX-License-Identifier: MIT */
/* For --probe=auto: a child that lives long, then, at a byte on stdin, ten that allocate. */
#include "workload.h"

static void child(void) {
  allocate(10);
}

int main(void) {
  pid_t first = become_suspect();
  wait_for_byte();
  wait_for(first);
  for (int i = 0; i < 10; i++) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid);
  }
  return 0;
}
