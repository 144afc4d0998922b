/* SPDX-License-Identifier: MIT */
/* The child does nothing unsafe at all: only --all reports it. */
#include "workload.h"

static void child(void) {}

int main(void) {
  return one_child(child, "\"calls\": {}, \"outcome\": \"exit\"");
}
