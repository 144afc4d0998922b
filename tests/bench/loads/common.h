/* SPDX-License-Identifier: MIT */
/* What the loads share. A load obeys lines on stdin and answers each with a line on stdout, so that
 * one process, with one layout of its memory, is measured with and without a watcher. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* Ends the load where it cannot do its part: its numbers would be lies. */
UNUSED static void check(int good, const char* what) {
  if (!good) {
    perror(what);
    _exit(99);
  }
}

UNUSED static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

UNUSED static void* sleep_for_ever(void* unused) {
  for (;;)
    pause();
  return unused;
}

/* Small stacks: 500 threads are to cost their tasks, not their memory. */
UNUSED static void start_thread(void* (*body)(void*), void* argument) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  check(pthread_create(&thread, &attributes, body, argument) == 0, "pthread_create");
}

#endif
