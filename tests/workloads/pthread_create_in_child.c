/* SPDX-License-Identifier: MIT */
/* The child starts a thread and waits for it. */
#include "workload.h"

static void* nothing(void* unused) {
  return unused;
}

static void child(void) {
  pthread_t thread;
  start_thread(nothing, NULL, &thread);
  pthread_join(thread, NULL);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"pthread_create\": 1}");
}
