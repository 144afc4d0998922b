/* SPDX-License-Identifier: MIT */
/* The child formats a time, as loggers do. */
#include "workload.h"

#include <time.h>

static void child(void) {
  time_t now = 1700000000;
  struct tm broken_down;
  tzset();
  localtime_r(&now, &broken_down);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"localtime_r\": 1, \"tzset\": 1}");
}
