/* SPDX-License-Identifier: MIT */
/* The child spins on a flag that a thread it does not have would set. */
#include "stuck.h"

static volatile int flag;

static void spin(void) {
  while (!flag)
    ;
}

int main(void) {
  start_sleeping_thread();
  return stuck(fork_mortal(spin), "false", "unknown", NULL);
}
