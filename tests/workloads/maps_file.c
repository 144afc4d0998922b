/* SPDX-License-Identifier: MIT */
/* Maps the file that it is given as code, as a loader maps a library, and is then held. At a byte
 * on stdin its child allocates; it lives until stdin ends. */
#include "workload.h"

#include <fcntl.h>
#include <sys/mman.h>

static void child(void) {
  allocate(10);
}

int main(int argc, char** argv) {
  char byte;
  check(argc == 2, "usage: maps_file FILE");
  int fd = open(argv[1], O_RDONLY);
  check(fd >= 0, "open");
  check(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED, "mmap");
  say("{\"pid\": %d}\n", (int)getpid());
  wait_for_byte();
  one_child(child, "\"calls\": {\"malloc\": 10, \"free\": 10}");
  while (read(STDIN_FILENO, &byte, 1) == 1)
    ;
  return 0;
}
