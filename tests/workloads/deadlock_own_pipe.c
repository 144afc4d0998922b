/* SPDX-License-Identifier: MIT */
/* The child reads from a pipe that only it itself could write to. */
#include "stuck.h"

static int ends[2];

static void read_own_pipe(void) {
  char byte;
  read(ends[0], &byte, 1);
}

int main(void) {
  start_sleeping_thread();
  check(pipe(ends) == 0, "pipe");
  pid_t child = fork_mortal(read_own_pipe);
  close(ends[0]);
  close(ends[1]);
  return stuck(child, "false", "unknown", NULL);
}
