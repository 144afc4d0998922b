/* SPDX-License-Identifier: MIT */
/* A child that calls a function of the program's own, which a user may declare unsafe. */
#include "workload.h"

__attribute__((noinline)) void app_log(const char* text);

static volatile size_t written;

void app_log(const char* text) {
  for (; *text; text++)
    written++;
}

static void child(void) {
  for (int i = 0; i < 3; i++)
    app_log("in the child");
}

int main(void) {
  return one_child(child, "\"calls\": {\"app_log\": 3}");
}
