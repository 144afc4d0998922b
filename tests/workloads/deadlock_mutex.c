/* SPDX-License-Identifier: MIT */
/* The child takes a mutex that a thread of its parent held at the fork. The argument says which:
 * normal, recursive, errorcheck, pi, shared (between processes), ended (its owner has ended),
 * hostile (its owner's name is made to break terminals, tables and JSON).
 * The end of a pi mutex's owner wakes the child. Kernels refuse (EPERM) to wait for a pi mutex of
 * another process: glibc then aborts the child, and the truth is {"ended": PID}. */
#include "stuck.h"

#include <sys/mman.h>

static pthread_mutex_t own;
static pthread_mutex_t* mutex = &own;

static void take(void) {
  pthread_mutex_lock(mutex);
}

static void prepare(const char* kind) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (strcmp(kind, "recursive") == 0)
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  if (strcmp(kind, "errorcheck") == 0)
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  if (strcmp(kind, "pi") == 0)
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  if (strcmp(kind, "shared") == 0) {
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    mutex = mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(mutex != MAP_FAILED, "mmap");
  }
  check(pthread_mutex_init(mutex, &attributes) == 0, "pthread_mutex_init");
}

int main(int argc, char** argv) {
  const char* kind = argc > 1 ? argv[1] : "normal";
  struct holder holder = {.name = "lock holder", .take = take, .ends = strcmp(kind, "ended") == 0};
  if (strcmp(kind, "hostile") == 0)
    holder.name = "\n\"\\\x1b[31m\xff\r\t'\x07\x9b";
  prepare(kind);
  start_sleeping_thread();
  start_holder(&holder);
  pid_t child = fork_mortal(take);
  if (strcmp(kind, "pi") == 0 && ends_soon(child)) {
    say("{\"ended\": %d}\n", (int)child);
    return 0;
  }
  const char* proof = strcmp(kind, "shared") == 0 || strcmp(kind, "pi") == 0 ? "false" : "true";
  return stuck_on_mutex(child, proof, mutex, &holder);
}
