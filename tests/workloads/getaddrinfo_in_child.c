/* SPDX-License-Identifier: MIT */
/* The child resolves a numeric address: no name server is asked. */
#include "workload.h"

#include <netdb.h>

static void child(void) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
  struct addrinfo* addresses = NULL;
  if (getaddrinfo("127.0.0.1", NULL, &hints, &addresses) == 0)
    freeaddrinfo(addresses);
}

int main(void) {
  return one_child(child, "\"at_least\": {\"getaddrinfo\": 1}");
}
