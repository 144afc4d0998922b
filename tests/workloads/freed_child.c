/* SPDX-License-Identifier: MIT */
/* The child waits for a mutex between processes; its parent lets it go when a byte comes on stdin,
 * and the child ends by itself. */
#include "stuck.h"

#include <sys/mman.h>

static pthread_mutex_t* mutex;

static void take(void) {
  pthread_mutex_lock(mutex);
}

int main(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  mutex = mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(mutex != MAP_FAILED, "mmap");
  check(pthread_mutex_init(mutex, &attributes) == 0, "pthread_mutex_init");
  start_sleeping_thread();
  take();
  pid_t child = fork_mortal(take);
  say("{\"stuck\": %d, \"proof\": false, \"lock\": \"mutex\"}\n", (int)child);
  be_watched(SECONDS_TO_WATCH);
  pthread_mutex_unlock(mutex);
  wait_for(child);
  return 0;
}
