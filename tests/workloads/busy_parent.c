/* SPDX-License-Identifier: MIT */
/* For --probe-budget: a suspect that itself allocates without a pause, until a byte on stdin. Then
 * it forks ten children that allocate, at the next byte ten more, and so on until stdin ends. */
#include "workload.h"

#include <poll.h>

static void child(void) {
  allocate(10);
}

static void allocate_until_byte(void) {
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&in, 1, 0) == 0)
    allocate(100);
}

int main(void) {
  char byte;
  pid_t first = become_suspect();
  allocate_until_byte();
  wait_for(first);
  while (read(STDIN_FILENO, &byte, 1) == 1) {
    for (int i = 0; i < 10; i++)
      wait_for(fork_child(child));
    say("{\"forked\": 10}\n");
  }
  return 0;
}
