/* SPDX-License-Identifier: MIT */
/* The child ends with exit() and status 3, where it should use _exit(). */
#include "workload.h"

static void child(void) {
  exit(3);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"exit\": 1}, \"outcome\": \"exit\"");
}
