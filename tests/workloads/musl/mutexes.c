/* SPDX-License-Identifier: MIT */
/* A child for each type of mutex of musl, stuck on what a thread of the parent held at the fork. A
 * normal one does not record its owner. Prints lines as lock_kinds does. Built by the test, with
 * musl-gcc. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t normal, recursive, errorcheck, robust;
static pthread_mutex_t* const mutexes[] = {&normal, &recursive, &errorcheck, &robust};
static const char* const names[] = {"normal", "recursive", "errorcheck", "robust"};
static pthread_barrier_t has;
static volatile pid_t holder;

static void* hold(void* unused) {
  holder = (pid_t)syscall(SYS_gettid);
  prctl(PR_SET_NAME, "holder");
  for (int i = 0; i < 4; i++)
    pthread_mutex_lock(mutexes[i]);
  pthread_barrier_wait(&has);
  for (;;)
    pause();
  return unused;
}

static pid_t stuck(int which) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_mutex_lock(mutexes[which]);
    _exit(0);
  }
  return child;
}

int main(void) {
  pthread_t thread;
  pid_t children[4];
  for (int i = 0; i < 4; i++) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (i == 1 || i == 2)
      pthread_mutexattr_settype(&attributes,
                                i == 1 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
    if (i == 3)
      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutexes[i], &attributes);
  }
  pthread_barrier_init(&has, NULL, 2);
  pthread_create(&thread, NULL, hold, NULL);
  pthread_barrier_wait(&has);
  for (int i = 0; i < 4; i++) {
    char owner[16] = "null";
    children[i] = stuck(i);
    if (i > 0)
      snprintf(owner, sizeof owner, "%d", (int)holder);
    printf("{\"stuck\": %d, \"name\": \"%s\", \"lock\": \"mutex\", \"address\": \"%p\", "
           "\"owner\": %s, \"symbol\": \"%s\"}\n",
           (int)children[i], names[i], (void*)mutexes[i], owner, names[i]);
  }
  printf("{\"all\": 4}\n");
  fflush(stdout);
  struct pollfd input = {.fd = 0, .events = POLLIN};
  poll(&input, 1, 30000);
  for (int i = 0; i < 4; i++) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  return 0;
}
