/* SPDX-License-Identifier: MIT */
/* The child changes its environment, as programs do before they exec. */
#include "workload.h"

static void child(void) {
  setenv("FORKMON_WORKLOAD", "1", 1);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"setenv\": 1}");
}
