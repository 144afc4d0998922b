/* SPDX-License-Identifier: MIT */
/* 40 children, each of which naps in a loop that never ends. They live until they are let go. */
#include "stuck.h"

#define NAPPERS 40

static void nap_for_ever(void) {
  for (;;)
    usleep(1000);
}

int main(void) {
  pid_t children[NAPPERS];
  start_sleeping_thread();
  for (int i = 0; i < NAPPERS; i++)
    children[i] = fork_mortal(nap_for_ever);
  say("{\"pid\": %d}\n", (int)getpid());
  be_watched(30);
  for (int i = 0; i < NAPPERS; i++)
    kill_and_wait(children[i]);
  return 0;
}
