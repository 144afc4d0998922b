/* SPDX-License-Identifier: MIT */
/*
 * For living workers: a pool that forks its two workers once, at its start, beside a thread; with
 * an argument the thread is started after them, and they are not tainted. At a byte on stdin they
 * begin to work; at the next one each forks a child that allocates, and all end.
 */
#include "workload.h"

#include <netdb.h>
#include <time.h>

#define WORKERS 2
#define CALLS 5

struct news {
  pid_t worker;
  pid_t child; /* 0: has worked */
};

static int go[2], done[2];

static void tell(pid_t child) {
  struct news news = {getpid(), child};
  check(write(done[1], &news, sizeof news) == sizeof news, "write");
}

static void work(void) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
  for (int i = 0; i < CALLS; i++) {
    time_t now = 1700000000 + i;
    struct addrinfo* addresses = NULL;
    setenv("WORKER", "busy", 1);
    localtime(&now);
    if (getaddrinfo("127.0.0.1", NULL, &hints, &addresses) == 0)
      freeaddrinfo(addresses);
  }
}

static void allocate_ten(void) {
  allocate(10);
}

static void worker(void) {
  char byte;
  check(read(go[0], &byte, 1) == 1, "read");
  work();
  tell(0);
  check(read(go[0], &byte, 1) == 1, "read");
  pid_t child = fork_child(allocate_ten);
  wait_for(child);
  tell(child);
}

static void let_all_go(void) {
  for (int i = 0; i < WORKERS; i++)
    check(write(go[1], "x", 1) == 1, "write");
}

static struct news next(void) {
  struct news news;
  check(read(done[0], &news, sizeof news) == sizeof news, "read");
  return news;
}

int main(int argc, char** argv UNUSED) {
  const int is_tainted = argc == 1;
  pid_t workers[WORKERS];
  check(pipe(go) == 0 && pipe(done) == 0, "pipe");
  if (is_tainted)
    start_sleeping_thread();
  usleep(50 * 1000); /* in another clock tick, so that /proc tells which came first */
  for (int i = 0; i < WORKERS; i++)
    workers[i] = fork_child(worker);
  usleep(50 * 1000);
  if (!is_tainted)
    start_sleeping_thread();
  say("{\"pid\": %d, \"workers\": [%d, %d]}\n", (int)getpid(), (int)workers[0], (int)workers[1]);
  wait_for_byte();
  let_all_go();
  for (int i = 0; i < WORKERS; i++)
    next();
  say("{\"worked\": %d, \"at_least\": {\"setenv\": %d, \"localtime\": %d, \"getaddrinfo\": %d}}\n",
      WORKERS, CALLS, CALLS, CALLS);
  wait_for_byte();
  let_all_go();
  for (int i = 0; i < WORKERS; i++)
    say("{\"child\": %d, \"calls\": {\"malloc\": 10, \"free\": 10}}\n", (int)next().child);
  for (int i = 0; i < WORKERS; i++)
    wait_for(workers[i]);
  return 0;
}
