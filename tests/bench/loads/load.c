/* SPDX-License-Identifier: MIT */
/* load KIND [THREADS]: does one thing as often as each line on stdin says, "COUNT [PER_SECOND]",
 * and answers with the nanoseconds that it took, and those on a CPU, children included. KIND:
 * alloc, touch, fork_exit, fork_exec, malloc_exit. THREADS of them (1 without) share the process,
 * all but the first asleep. */
#include "common.h"

#include <sys/resource.h>

#define PAGE 4096
#define BATCH 256

static void alloc_and_free(void) {
  void* volatile block = malloc(32);
  free(block);
}

/* One page that was not there; a new mapping every BATCH of them. */
static void touch_page(void) {
  static char* pages;
  static int next = BATCH;
  if (next == BATCH) {
    if (pages)
      munmap(pages, BATCH * PAGE);
    pages = mmap(NULL, BATCH * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(pages != MAP_FAILED, "mmap");
    madvise(pages, BATCH * PAGE, MADV_NOHUGEPAGE);
    next = 0;
  }
  pages[PAGE * next++] = 1;
}

static void fork_child(void (*body)(void)) {
  pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    body();
    _exit(0);
  }
  check(waitpid(child, NULL, 0) == child, "waitpid");
}

static void nothing(void) {}

static void exec_true(void) {
  static char* const arguments[] = {"/bin/true", NULL};
  execv(arguments[0], arguments);
  _exit(98);
}

static void fork_exit(void) {
  fork_child(nothing);
}

static void fork_exec(void) {
  fork_child(exec_true);
}

/* A child that does what it must not. */
static void malloc_exit(void) {
  fork_child(alloc_and_free);
}

static const struct {
  const char* name;
  void (*once)(void);
} kinds[] = {{"alloc", alloc_and_free},
             {"touch", touch_page},
             {"fork_exit", fork_exit},
             {"fork_exec", fork_exec},
             {"malloc_exit", malloc_exit}};

static void sleep_until(uint64_t when_ns) {
  struct timespec when = {.tv_sec = (time_t)(when_ns / 1000000000u),
                          .tv_nsec = (long)(when_ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) != 0)
    ;
}

static uint64_t cpu_ns(void) {
  struct timespec own;
  struct rusage children;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  uint64_t children_us =
      (uint64_t)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1000000u +
      (uint64_t)(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
  return (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec + 1000u * children_us;
}

static uint64_t repeat(void (*once)(void), long count, long per_second) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    if (per_second > 0)
      sleep_until(start + (uint64_t)i * 1000000000u / (uint64_t)per_second);
    once();
  }
  return now_ns() - start;
}

int main(int argc, char** argv) {
  void (*once)(void) = NULL;
  for (size_t i = 0; argc > 1 && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(argv[1], kinds[i].name) == 0)
      once = kinds[i].once;
  check(once != NULL, "usage: load KIND [THREADS]");
  for (int i = 1; i < (argc > 2 ? atoi(argv[2]) : 1); i++)
    start_thread(sleep_for_ever, NULL);
  puts("ready");
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    long count = 0, per_second = 0;
    check(sscanf(line, "%ld %ld", &count, &per_second) >= 1, "a count");
    uint64_t cpu_before = cpu_ns();
    uint64_t took = repeat(once, count, per_second);
    printf("%llu %llu\n", (unsigned long long)took, (unsigned long long)(cpu_ns() - cpu_before));
    fflush(stdout);
  }
  return 0;
}
