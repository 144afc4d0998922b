/* SPDX-License-Identifier: MIT */
/* bystanders COUNT: that many processes, asleep until the end of stdin. */
#include "common.h"

#include <signal.h>
#include <sys/prctl.h>

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 10;
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      sleep_for_ever(NULL);
    }
  }
  puts("ready");
  fflush(stdout);
  while (getchar() != EOF)
    ;
  return 0;
}
