/* SPDX-License-Identifier: MIT */
/* For -p: says its pid, waits for a byte on stdin, then forks a child that allocates. */
#include "workload.h"

static void child(void) {
  allocate(1000);
}

int main(void) {
  say("{\"pid\": %d}\n", (int)getpid());
  wait_for_byte();
  return one_child(child, "\"calls\": {\"malloc\": 1000, \"free\": 1000}");
}
