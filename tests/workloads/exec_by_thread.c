/* SPDX-License-Identifier: MIT */
/* A tainted child execs from a thread that is not its first: the pid stays, the taint goes. */
#include "workload.h"

static void* exec_true(void* unused) {
  execl("/bin/true", "true", (char*)NULL);
  _exit(127);
  return unused;
}

static void child(void) {
  start_thread(exec_true, NULL, NULL);
  sleep_for_ever(NULL);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"pthread_create\": 1}, \"outcome\": \"exec\"");
}
