/* SPDX-License-Identifier: MIT */
/* dlopen_between LIBRARY: forks a child, at a byte on stdin loads the library, and for each further
 * byte forks a child that calls its PQexec three times, until stdin ends. */
#include "workload.h"

#include <dlfcn.h>

static void (*pq_exec)(void);

static void first_child(void) {
  allocate(10);
}

static void child(void) {
  for (int i = 0; i < 3; i++)
    pq_exec();
}

int main(int argc, char** argv) {
  char byte;
  check(argc == 2, "one argument");
  start_sleeping_thread();
  pid_t first = fork_child(first_child);
  wait_for(first);
  say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)first);
  wait_for_byte();
  void* library = dlopen(argv[1], RTLD_NOW);
  check(library != NULL, "dlopen");
  *(void**)&pq_exec = dlsym(library, "PQexec");
  check(pq_exec != NULL, "dlsym");
  say("{\"loaded\": true}\n");
  while (read(STDIN_FILENO, &byte, 1) > 0) {
    pid_t pid = fork_child(child);
    wait_for(pid);
    say("{\"child\": %d, \"calls\": {\"PQexec\": 3}}\n", (int)pid);
  }
  return 0;
}
