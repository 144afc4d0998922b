/* SPDX-License-Identifier: MIT */
/* dlopen_then_fork LIBRARY MICROSECONDS: at a byte on stdin, loads a library and, so much later,
 * forks a child that calls its PQexec three times. */
#include "workload.h"

#include <dlfcn.h>

static void (*pq_exec)(void);

static void child(void) {
  for (int i = 0; i < 3; i++)
    pq_exec();
}

int main(int argc, char** argv) {
  check(argc == 3, "two arguments");
  say("{\"pid\": %d}\n", (int)getpid());
  wait_for_byte();
  void* library = dlopen(argv[1], RTLD_NOW);
  check(library != NULL, "dlopen");
  *(void**)&pq_exec = dlsym(library, "PQexec");
  check(pq_exec != NULL, "dlsym");
  usleep((useconds_t)atoi(argv[2]));
  return one_child(child, "\"calls\": {\"PQexec\": 3}");
}
