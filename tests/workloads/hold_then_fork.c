/* SPDX-License-Identifier: MIT */
/* For -p: says its pid, waits for a byte on stdin, then forks a child that allocates.
 * Lives on until stdin ends. */
#include "workload.h"

static void child(void) {
  allocate(1000);
}

int main(void) {
  say("{\"pid\": %d}\n", (int)getpid());
  wait_for_byte();
  one_child(child, "\"calls\": {\"malloc\": 1000, \"free\": 1000}");
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0)
    ;
  return 0;
}
