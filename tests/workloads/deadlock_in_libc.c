/* SPDX-License-Identifier: MIT */
/* The child is stuck in a lock of libc that a thread of its parent held: by `setenv`, `localtime`
 * or `atexit`, as the argument says. Such locks have no owner word. */
#include "stuck.h"

int __cxa_atexit(void (*function)(void*), void* argument, void* library);
void __cxa_finalize(void* library);

static char library;

static void do_nothing(void* unused) {
  (void)unused;
}

static void call_setenv(void) {
  setenv("WORKLOAD", "value", 1);
}

static void call_localtime(void) {
  time_t now = 1700000000;
  struct tm broken_down;
  localtime_r(&now, &broken_down);
}

/* As loading and unloading a library does. */
static void call_atexit(void) {
  __cxa_atexit(do_nothing, NULL, &library);
  __cxa_finalize(&library);
}

/* Not on the stack of main, which returns while the thread goes round. */
static void (*call)(void) = call_setenv;

static void* repeat(void* unused) {
  (void)unused;
  for (;;)
    call();
  return NULL;
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "setenv";
  if (strcmp(name, "localtime") == 0)
    call = call_localtime;
  if (strcmp(name, "atexit") == 0)
    call = call_atexit;
  start_thread(repeat, NULL, NULL);
  return stuck(fork_until_stuck(call), "true", "libc", NULL);
}
