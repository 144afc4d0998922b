/* SPDX-License-Identifier: MIT */
/* The child waits for a held mutex with a stack that cannot be unwound. The argument says how:
 * nowhere, kernel, unmapped, guarded (PROT_NONE), edge (its last bytes), cycle (each frame returns
 * into the same function), filled-on-demand (userfaultfd: who faults a page in waits for ever). */
#include "stuck.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define STACK_BYTES ((size_t)1 << 16)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char* kind;
static char* stack;
static char* stack_pointer;

static void take(void) {
  pthread_mutex_lock(&mutex);
}

/* What pthread_mutex_lock does once the mutex is taken, but on the stack above. */
static void wait_without_stack(void) {
  __atomic_store_n(&mutex.__data.__lock, 2, __ATOMIC_SEQ_CST);
#if defined(__x86_64__)
  register long timeout __asm__("r10") = 0;
  __asm__ volatile("mov %0, %%rsp\n\tmov %0, %%rbp\n1:\tmov $202, %%eax\n\tsyscall\n\tjmp 1b"
                   :
                   : "r"(stack_pointer), "D"(&mutex), "S"(FUTEX_WAIT_PRIVATE), "d"(2), "r"(timeout)
                   : "rax", "rcx", "r11", "memory");
#else
  check(0, "a stack for this architecture");
#endif
}

static void fill_on_demand(void) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {.range = {(unsigned long)stack, STACK_BYTES},
                                  .mode = UFFDIO_REGISTER_MODE_MISSING};
  check(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0, "userfaultfd");
  check(ioctl(fd, UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER");
}

/* Each word is a saved frame pointer to the same frame, or a return into the same function. */
static void fill_with_cycle(void) {
  void (*code)(void) = wait_without_stack;
  for (size_t i = 0; i < STACK_BYTES; i += 2 * sizeof(void*)) {
    memcpy(stack + i, &stack_pointer, sizeof stack_pointer);
    memcpy(stack + i + sizeof(void*), &code, sizeof code);
  }
}

static void spoil_stack(void) {
  stack_pointer = stack + STACK_BYTES / 2;
  if (strcmp(kind, "nowhere") == 0)
    stack_pointer = (char*)0x10;
  else if (strcmp(kind, "kernel") == 0)
    stack_pointer = (char*)0xffff888000000000;
  else if (strcmp(kind, "unmapped") == 0)
    check(munmap(stack, STACK_BYTES) == 0, "munmap");
  else if (strcmp(kind, "guarded") == 0)
    check(mprotect(stack, STACK_BYTES, PROT_NONE) == 0, "mprotect");
  else if (strcmp(kind, "edge") == 0)
    stack_pointer = stack + STACK_BYTES - 1;
  else if (strcmp(kind, "cycle") == 0)
    fill_with_cycle();
  else if (strcmp(kind, "filled-on-demand") == 0)
    fill_on_demand();
  wait_without_stack();
}

int main(int argc, char** argv) {
  struct holder holder = {.name = "lock holder", .take = take};
  kind = argc > 1 ? argv[1] : "nowhere";
  stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(stack != MAP_FAILED, "mmap");
  start_holder(&holder);
  return stuck_on_mutex(fork_mortal(spoil_stack), "true", &mutex, &holder);
}
