/* SPDX-License-Identifier: MIT */
/* Three threads of the child allocate, and their calls count as the child's. */
#include "workload.h"

#define THREADS 3

static void* allocate_100(void* unused) {
  allocate(100);
  return unused;
}

static void child(void) {
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    start_thread(allocate_100, NULL, &threads[i]);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"pthread_create\": 3, \"malloc\": 300}");
}
