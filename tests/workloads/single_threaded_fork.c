/* SPDX-License-Identifier: MIT */
/* A process with one thread may do all it likes in its child. */
#include "workload.h"

static void child(void) {
  allocate(100);
}

int main(void) {
  wait_for(fork_child(child));
  say("{\"clean\": true}\n");
  return 0;
}
