/* SPDX-License-Identifier: MIT */
/* The child allocates and is killed. */
#include "workload.h"

#include <signal.h>

static void child(void) {
  allocate(11);
  raise(SIGKILL);
}

int main(void) {
  return one_child(child, "\"calls\": {\"malloc\": 11, \"free\": 11}, \"outcome\": \"signal\"");
}
