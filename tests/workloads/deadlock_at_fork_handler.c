/* SPDX-License-Identifier: MIT */
/* The child gets stuck in a handler of pthread_atfork, before its fork returns. */
#include "stuck.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void take(void) {
  pthread_mutex_lock(&mutex);
}

static void handler_in_child(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  take();
}

int main(void) {
  struct holder holder = {.name = "lock holder", .take = take};
  start_holder(&holder);
  check(pthread_atfork(NULL, NULL, handler_in_child) == 0, "pthread_atfork");
  pid_t child = fork();
  check(child > 0, "fork");
  return stuck_on_mutex(child, "true", &mutex, &holder);
}
