/* SPDX-License-Identifier: MIT */
/*
 * A process whose forks take milliseconds, for much memory is copied: forks are under way while it
 * is armed. Three threads fork children that allocate, until the process is killed.
 */
#include "workload.h"

#include <string.h>
#include <sys/mman.h>

#define THREADS 3
#define MEMORY (48UL << 20)

static void child(void) {
  allocate(10);
}

static void* fork_often(void* unused) {
  for (;;)
    wait_for(fork_child(child));
  return unused;
}

int main(void) {
  pthread_t threads[THREADS];
  char* memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED && madvise(memory, MEMORY, MADV_NOHUGEPAGE) == 0, "mmap");
  memset(memory, 1, MEMORY);
  for (int i = 0; i < THREADS; i++)
    start_thread(fork_often, NULL, &threads[i]);
  for (int i = 0; i < THREADS; i++)
    check(pthread_join(threads[i], NULL) == 0, "pthread_join");
  return 0;
}
