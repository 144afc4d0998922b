/* SPDX-License-Identifier: MIT */
/* N children (the argument, 100 by default), ten at a time, stuck on a mutex; each is killed after
 * 500 to 700 ms, which is when a monitor looks at it. */
#include "stuck.h"

#define AT_A_TIME 10

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void take(void) {
  pthread_mutex_lock(&mutex);
}

static void kill_one_by_one(const pid_t* children, int count) {
  usleep(500 * 1000);
  for (int i = 0; i < count; i++) {
    kill_and_wait(children[i]);
    usleep(20 * 1000);
  }
}

int main(int argc, char** argv) {
  int children = argc > 1 ? atoi(argv[1]) : 100;
  struct holder holder = {.name = "lock holder", .take = take};
  start_holder(&holder);
  for (int left = children; left > 0; left -= AT_A_TIME) {
    pid_t some[AT_A_TIME];
    int count = left < AT_A_TIME ? left : AT_A_TIME;
    for (int i = 0; i < count; i++)
      some[i] = fork_mortal(take);
    kill_one_by_one(some, count);
  }
  say("{\"killed\": %d}\n", children);
  return 0;
}
