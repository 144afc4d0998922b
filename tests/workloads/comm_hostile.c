/* SPDX-License-Identifier: MIT */
/* The process is named to break terminals, tables and JSON. */
#include "workload.h"

#include <sys/prctl.h>

static void child(void) {
  allocate(2);
}

int main(void) {
  check(prctl(PR_SET_NAME, "\n\"\\\x1b[31m\xff\r\t'\x07\x9b") == 0, "prctl");
  return one_child(child, "\"calls\": {\"malloc\": 2, \"free\": 2}");
}
