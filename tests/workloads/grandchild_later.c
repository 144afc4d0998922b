/* SPDX-License-Identifier: MIT */
/*
 * For what becomes of a family's probes: a suspect that does what single bytes on stdin say: 'c'
 * forks a child that lives, 'a' allocates without a pause until the next byte, 'e' becomes another
 * program, which waits for the end of stdin; at the end of stdin it ends. At each SIGUSR1 the child
 * forks one that allocates ten times.
 */
#include "workload.h"

#include <poll.h>
#include <signal.h>

static void allocate_ten(void) {
  allocate(10);
}

static void fork_when_told(void) {
  int number;
  sigset_t told;
  sigemptyset(&told);
  sigaddset(&told, SIGUSR1);
  while (sigwait(&told, &number) == 0)
    wait_for(fork_child(allocate_ten));
}

static void block_sigusr1(void) {
  sigset_t told;
  sigemptyset(&told);
  sigaddset(&told, SIGUSR1);
  check(sigprocmask(SIG_BLOCK, &told, NULL) == 0, "sigprocmask");
}

static void allocate_until_byte(void) {
  struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&in, 1, 0) == 0)
    allocate(100);
}

int main(void) {
  char command;
  block_sigusr1();
  pid_t first = become_suspect();
  while (read(STDIN_FILENO, &command, 1) == 1) {
    if (command == 'c')
      say("{\"living\": %d}\n", (int)fork_child(fork_when_told));
    else if (command == 'a')
      allocate_until_byte();
    else if (command == 'e')
      execl("/bin/cat", "cat", (char*)NULL);
  }
  wait_for(first);
  return 0;
}
