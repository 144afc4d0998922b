/* SPDX-License-Identifier: MIT */
/* The child waits for a semaphore that a thread of its parent took: there is no owner to name. */
#include "stuck.h"

#include <semaphore.h>

static sem_t semaphore;

static void take(void) {
  sem_wait(&semaphore);
}

int main(void) {
  struct holder holder = {.name = "semaphore taker", .take = take};
  check(sem_init(&semaphore, 0, 1) == 0, "sem_init");
  start_holder(&holder);
  return stuck(fork_mortal(take), "true", "semaphore", &semaphore);
}
