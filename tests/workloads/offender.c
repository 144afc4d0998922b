/* SPDX-License-Identifier: MIT */
/* A service that goes on making the mistake: ten times a second, until its stdin ends, it forks a
 * child that calls unsafe functions, and one that execs at once. It prints no truth. */
#include "workload.h"

#include <poll.h>
#include <time.h>

static void call_unsafe_functions(void) {
  time_t now = 1700000000;
  struct tm broken_down;
  tzset();
  localtime_r(&now, &broken_down);
  allocate(10);
}

static void exec_at_once(void) {
  char* arguments[] = {"true", NULL};
  execv("/bin/true", arguments);
  _exit(127);
}

int main(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  start_sleeping_thread();
  do {
    wait_for(fork_child(call_unsafe_functions));
    wait_for(fork_child(exec_at_once));
  } while (poll(&input, 1, 100) == 0);
  return 0;
}
