/* SPDX-License-Identifier: MIT */
/* The child's exec fails, so it is still tainted when it allocates. */
#include "workload.h"

static void child(void) {
  char* arguments[] = {"missing", NULL};
  execv("/nonexistent/missing", arguments);
  allocate(5);
}

int main(void) {
  return one_child(child, "\"calls\": {\"malloc\": 5, \"free\": 5}, \"outcome\": \"exit\"");
}
