// SPDX-License-Identifier: MIT
/* A process with threads makes its children by fork, _Fork and clone(2): only the first repairs
 * malloc's locks. Prints the child of each and what it calls. */
#include "workload.h"

#include <sched.h>
#include <sys/syscall.h>

static pid_t by_clone(void) {
  return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void run(pid_t (*make)(void), const char* call) {
  pid_t child = make();
  if (child == 0) {
    free(malloc(10));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  printf("{\"child\": %d, \"calls\": {\"malloc\": 1, \"free\": 1}, \"made_by\": \"%s\"}\n", child,
         call);
}

int main(void) {
  start_sleeping_thread();
  run(fork, "fork");
  run(_Fork, "_Fork");
  run(by_clone, "clone");
  return 0;
}
