/* SPDX-License-Identifier: MIT */
/* vfork shares the address space: the other threads go on and release their locks. */
#include "workload.h"

int main(void) {
  start_sleeping_thread();
  pid_t child = vfork();
  check(child >= 0, "vfork");
  if (child == 0) {
    execl("/bin/true", "true", (char*)NULL);
    _exit(127);
  }
  wait_for(child);
  say("{\"clean\": true}\n");
  return 0;
}
