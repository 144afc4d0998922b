/* SPDX-License-Identifier: MIT */
/* A suspect that, at a byte on stdin, becomes another program, which waits for the end of stdin. */
#include "workload.h"

static void live_long(void) {
  usleep(500 * 1000);
}

int main(void) {
  start_sleeping_thread();
  pid_t first = fork_child(live_long);
  say("{\"pid\": %d, \"first\": %d}\n", (int)getpid(), (int)first);
  wait_for_byte();
  wait_for(first);
  execl("/bin/cat", "cat", (char*)NULL);
  check(0, "execl");
  return 0;
}
