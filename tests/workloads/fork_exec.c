/* SPDX-License-Identifier: MIT */
/* The child execs at once, as it should. */
#include "workload.h"

static void child(void) {
  char* arguments[] = {"true", NULL};
  execv("/bin/true", arguments);
  _exit(127);
}

int main(void) {
  start_sleeping_thread();
  wait_for(fork_child(child));
  say("{\"clean\": true}\n");
  return 0;
}
