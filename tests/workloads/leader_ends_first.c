/* SPDX-License-Identifier: MIT */
/* The child's first thread ends while its other one goes on to allocate. */
#include "workload.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

/* The third field of /proc/PID/task/PID/stat; it stands right after the name's last ')'. */
static char state_of_leader(void) {
  char text[512] = "";
  int fd = open("/proc/self/stat", O_RDONLY);
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  char* name_end = length > 0 ? strrchr(text, ')') : NULL;
  return name_end ? name_end[2] : '?';
}

static void* outlive_the_leader(void* unused) {
  while (state_of_leader() != 'Z')
    usleep(1000);
  allocate(50);
  _exit(0);
  return unused;
}

static void child(void) {
  start_thread(outlive_the_leader, NULL, NULL);
  syscall(SYS_exit, 0);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"pthread_create\": 1, \"malloc\": 50, \"free\": 50}, "
                          "\"outcome\": \"exit\"");
}
