/* SPDX-License-Identifier: MIT */
/* The child prints; it leaves without flushing, so nothing of it is seen on stdout. */
#include "workload.h"

static void child(void) {
  printf("%s", "from the child");
}

int main(void) {
  return one_child(child, "\"at_least\": {\"printf\": 1}");
}
