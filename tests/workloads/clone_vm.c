/* SPDX-License-Identifier: MIT */
/* A clone that shares the address space allocates: nothing was copied, so it is clean. */
#include "workload.h"

#include <sched.h>
#include <signal.h>

static char stack[256 * 1024] __attribute__((aligned(16)));

static int child(void* unused) {
  (void)unused;
  allocate(50);
  return 0;
}

int main(void) {
  start_sleeping_thread();
  pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  check(pid > 0, "clone");
  wait_for(pid);
  say("{\"clean\": true}\n");
  return 0;
}
