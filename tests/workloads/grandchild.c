/* SPDX-License-Identifier: MIT */
/* The child does nothing but fork again; its own child, tainted in turn, allocates. */
#include "workload.h"

static int pid_pipe[2];

static void grandchild(void) {
  allocate(7);
}

static void child(void) {
  pid_t pid = fork_child(grandchild);
  wait_for(pid);
  check(write(pid_pipe[1], &pid, sizeof pid) == sizeof pid, "write");
}

int main(void) {
  pid_t pid = 0;
  check(pipe(pid_pipe) == 0, "pipe");
  one_child(child, "\"calls\": {}");
  check(read(pid_pipe[0], &pid, sizeof pid) == sizeof pid, "read");
  say("{\"child\": %d, \"calls\": {\"malloc\": 7, \"free\": 7}}\n", (int)pid);
  return 0;
}
