/* SPDX-License-Identifier: MIT */
/* Each line on stdin makes a child that takes a mutex which a thread of this process holds. The
 * answer is "PID NANOSECONDS": when, by CLOCK_MONOTONIC, the child went to take it. The children
 * are killed at the end of stdin. */
#include "common.h"

#include <signal.h>
#include <sys/prctl.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t held;

static void* hold(void* unused) {
  pthread_mutex_lock(&mutex);
  pthread_barrier_wait(&held);
  return sleep_for_ever(unused);
}

static void run_child(volatile uint64_t* entered) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  *entered = now_ns();
  pthread_mutex_lock(&mutex);
  _exit(97);
}

int main(void) {
  volatile uint64_t* entered =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(entered != MAP_FAILED, "mmap");
  pthread_barrier_init(&held, NULL, 2);
  start_thread(hold, NULL);
  pthread_barrier_wait(&held);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    *entered = 0;
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0)
      run_child(entered);
    while (*entered == 0)
      usleep(100);
    printf("%d %llu\n", (int)child, (unsigned long long)*entered);
    fflush(stdout);
  }
  return 0;
}
