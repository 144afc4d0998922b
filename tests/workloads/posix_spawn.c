/* SPDX-License-Identifier: MIT */
/* posix_spawn from a process with threads is the right way. */
#include "workload.h"

#include <spawn.h>

int main(void) {
  char* arguments[] = {"true", NULL};
  pid_t child;
  start_sleeping_thread();
  check(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0, "posix_spawn");
  wait_for(child);
  say("{\"clean\": true}\n");
  return 0;
}
