/* SPDX-License-Identifier: MIT */
/* The child takes a mutex of the application's own. */
#include "workload.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void child(void) {
  for (int i = 0; i < 20; i++) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  }
}

int main(void) {
  return one_child(child, "\"calls\": {\"pthread_mutex_lock\": 20}");
}
