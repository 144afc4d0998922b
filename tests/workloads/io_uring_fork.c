/* SPDX-License-Identifier: MIT */
/*
 * A program with one thread that uses io_uring, for which the kernel runs workers in its process,
 * and forks. They hold no lock of it, so the child is not tainted.
 * Usage: io_uring_fork [threaded]: with a thread of its own, and so a child that is.
 */
#include "workload.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void call_unsafe(void) {
  free(malloc(100));
}

static int threads_now(void) {
  char line[256];
  int count = -1;
  FILE* status = fopen("/proc/self/status", "r");
  check(status != NULL, "/proc/self/status");
  while (count < 0 && fgets(line, sizeof line, status))
    sscanf(line, "Threads: %d", &count);
  fclose(status);
  return count;
}

/* A kernel thread that polls the ring, in our process. */
static void set_up_polled_ring(void) {
  struct io_uring_params params;
  memset(&params, 0, sizeof params);
  params.flags = IORING_SETUP_SQPOLL;
  params.sq_thread_idle = 60000;
  check(syscall(SYS_io_uring_setup, 4, &params) >= 0, "io_uring_setup");
}

/* A read that a worker does: of a pipe that nobody writes to. */
static void start_worker(void) {
  static char byte;
  struct io_uring_params params;
  int ends[2];
  memset(&params, 0, sizeof params);
  int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
  check(ring >= 0 && pipe(ends) == 0, "io_uring_setup");
  size_t bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  char* queue = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  struct io_uring_sqe* entries = mmap(NULL, params.sq_entries * sizeof *entries,
                                      PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
  check(queue != MAP_FAILED && entries != MAP_FAILED, "mmap");
  entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                     .flags = IOSQE_ASYNC,
                                     .fd = ends[0],
                                     .addr = (unsigned long)&byte,
                                     .len = 1};
  ((unsigned*)(queue + params.sq_off.array))[0] = 0;
  __atomic_store_n((unsigned*)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
  check(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1, "io_uring_enter");
}

int main(int argc, char** argv) {
  int threaded = argc > 1 && strcmp(argv[1], "threaded") == 0;
  set_up_polled_ring();
  start_worker();
  while (threads_now() < 3)
    usleep(1000);
  if (threaded)
    start_sleeping_thread();
  pid_t child = fork_child(call_unsafe);
  wait_for(child);
  if (threaded)
    say("{\"child\": %d, \"calls\": {\"malloc\": 1, \"free\": 1}}\n", (int)child);
  else
    say("{\"clean\": true}\n");
  return 0;
}
