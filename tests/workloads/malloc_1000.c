/* SPDX-License-Identifier: MIT */
/* The child allocates and frees 1,000 blocks. */
#include "workload.h"

static void child(void) {
  allocate(1000);
}

int main(void) {
  return one_child(child, "\"calls\": {\"malloc\": 1000, \"free\": 1000}");
}
