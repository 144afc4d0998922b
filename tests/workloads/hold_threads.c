/* SPDX-License-Identifier: MIT */
/* For -p: eight threads, each of which forks a child once a byte has come on stdin. */
#include "workload.h"

#define THREADS 8

static pthread_barrier_t start;

static void child(void) {
  allocate(10);
}

static void* fork_at_start(void* unused) {
  pthread_barrier_wait(&start);
  pid_t pid = fork_child(child);
  wait_for(pid);
  say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)pid);
  return unused;
}

int main(void) {
  pthread_t threads[THREADS];
  check(pthread_barrier_init(&start, NULL, THREADS + 1) == 0, "pthread_barrier_init");
  for (int i = 0; i < THREADS; i++)
    start_thread(fork_at_start, NULL, &threads[i]);
  say("{\"pid\": %d}\n", (int)getpid());
  wait_for_byte();
  pthread_barrier_wait(&start);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  return 0;
}
