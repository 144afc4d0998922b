/* SPDX-License-Identifier: MIT */
/* The child allocates before it execs: what it calls after that is safe. */
#include "workload.h"

static void child(void) {
  char* arguments[] = {"sort", "/dev/null", NULL};
  allocate(5);
  execv("/usr/bin/sort", arguments);
  _exit(127);
}

int main(void) {
  return one_child(child, "\"calls\": {\"malloc\": 5, \"free\": 5}, \"outcome\": \"exec\"");
}
