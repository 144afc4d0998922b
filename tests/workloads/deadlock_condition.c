/* SPDX-License-Identifier: MIT */
/* The child waits on a condition variable that only a thread it does not have would signal.
 * The word it waits for lies inside the condition variable. */
#include "stuck.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void wait_for_signal(void) {
  pthread_mutex_lock(&mutex);
  for (;;)
    pthread_cond_wait(&condition, &mutex);
}

int main(void) {
  start_sleeping_thread();
  return stuck(fork_mortal(wait_for_signal), "true", "condition", NULL);
}
