/* SPDX-License-Identifier: MIT */
/*
 * Twenty children in which another task, which shares the memory, has the mmap lock nearly all the
 * time: what a probe was hit in can hardly be looked up then. Each child allocates.
 */
#include "workload.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#define CHILDREN 20
#define REGION (64UL << 20)

static char stack[65536] __attribute__((aligned(16)));
static char* region;

/* Changes the whole region at once, without any function of a library that is probed. */
static int keep_lock_taken(void* unused) {
  for (;;) {
    mprotect(region, REGION, PROT_READ);
    mprotect(region, REGION, PROT_READ | PROT_WRITE);
  }
  return unused != NULL;
}

static void child(void) {
  region =
      mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  check(region != MAP_FAILED, "mmap");
  pid_t other = clone(keep_lock_taken, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  check(other > 0, "clone");
  usleep(20 * 1000);
  allocate(10);
  kill(other, SIGKILL);
  wait_for(other);
}

int main(void) {
  start_sleeping_thread();
  for (int i = 0; i < CHILDREN; i++) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid);
  }
  return 0;
}
