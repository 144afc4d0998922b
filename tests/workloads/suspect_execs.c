/* SPDX-License-Identifier: MIT */
/* A suspect that, at a byte on stdin, becomes another program, which waits for the end of stdin. */
#include "workload.h"

int main(void) {
  pid_t first = become_suspect();
  wait_for_byte();
  wait_for(first);
  execl("/bin/cat", "cat", (char*)NULL);
  check(0, "execl");
  return 0;
}
