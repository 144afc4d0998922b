/* SPDX-License-Identifier: MIT */
/*
 * Tainted children whose first thread ends, after which another thread execs, or ends the process.
 * Usage: leader_ends_then_exec [COUNT]: COUNT children of each kind, waited for.
 */
#include "workload.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

/* The third field of /proc/PID/stat; it stands right after the name's last ')'. */
static char state_of_leader(void) {
  char text[512] = "";
  int fd = open("/proc/self/stat", O_RDONLY);
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  char* name_end = length > 0 ? strrchr(text, ')') : NULL;
  return name_end ? name_end[2] : '?';
}

static void wait_for_leader(void) {
  while (state_of_leader() != 'Z')
    usleep(200);
}

static void* exec_later(void* unused) {
  wait_for_leader();
  execl("/bin/true", "true", (char*)NULL);
  _exit(127);
  return unused;
}

static void* end_later(void* unused) {
  wait_for_leader();
  syscall(SYS_exit, 7);
  return unused;
}

static void lose_leader_and_exec(void) {
  start_thread(exec_later, NULL, NULL);
  syscall(SYS_exit, 0);
}

/* Two threads exec at once: one of them does. */
static void lose_leader_and_exec_twice(void) {
  start_thread(exec_later, NULL, NULL);
  start_thread(exec_later, NULL, NULL);
  syscall(SYS_exit, 0);
}

static void lose_leader_and_end(void) {
  start_thread(end_later, NULL, NULL);
  syscall(SYS_exit, 3);
}

static void* fork_and_exec(void* unused) {
  wait_for_leader();
  wait_for(fork_child(lose_leader_and_exec));
  return exec_later(unused);
}

static void lose_leader_and_fork(void) {
  start_thread(fork_and_exec, NULL, NULL);
  syscall(SYS_exit, 0);
}

static void one(void (*body)(void), const char* outcome) {
  int status;
  pid_t child = fork_child(body);
  check(waitpid(child, &status, 0) == child && WIFEXITED(status), "waitpid");
  say("{\"child\": %d, \"at_least\": {\"pthread_create\": 1}, \"outcome\": \"%s\", \"status\": "
      "%d}\n",
      (int)child, outcome, WEXITSTATUS(status));
}

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1;
  start_sleeping_thread();
  for (int i = 0; i < count; i++) {
    one(lose_leader_and_exec, "exec");
    one(lose_leader_and_exec_twice, "exec");
    one(lose_leader_and_end, "exit");
    one(lose_leader_and_fork, "exec");
  }
  return 0;
}
