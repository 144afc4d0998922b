/* SPDX-License-Identifier: MIT */
/* An allocator with one lock and no pthread_atfork handlers, as jemalloc is when its configure
 * does not find that function. It clears blocks under its lock, and reuses the last one only. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER 16
#define HEAP_BYTES ((size_t)64 << 20)

pthread_mutex_t allocator_lock = PTHREAD_MUTEX_INITIALIZER;

static char heap[HEAP_BYTES] __attribute__((aligned(4096)));
static size_t used = HEADER;

static size_t size_of(const void* block) {
  size_t size;
  memcpy(&size, (const char*)block - HEADER, sizeof size);
  return size;
}

void* aligned_alloc(size_t alignment, size_t size) {
  void* block = NULL;
  size_t whole = (size + HEADER - 1) / HEADER * HEADER;
  pthread_mutex_lock(&allocator_lock);
  size_t start = (used + HEADER + alignment - 1) / alignment * alignment;
  if (whole >= size && start < HEAP_BYTES && whole < HEAP_BYTES - start) {
    block = heap + start;
    memcpy(heap + start - HEADER, &whole, sizeof whole);
    memset(block, 0, whole);
    used = start + whole;
  }
  pthread_mutex_unlock(&allocator_lock);
  return block;
}

void* malloc(size_t size) {
  return aligned_alloc(HEADER, size);
}

void free(void* block) {
  if (block == NULL)
    return;
  pthread_mutex_lock(&allocator_lock);
  if ((char*)block + size_of(block) == heap + used)
    used = (size_t)((char*)block - heap) - HEADER;
  pthread_mutex_unlock(&allocator_lock);
}

void* calloc(size_t count, size_t size) {
  return size != 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);
}

void* realloc(void* block, size_t size) {
  void* copy = malloc(size);
  if (copy != NULL && block != NULL)
    memcpy(copy, block, size < size_of(block) ? size : size_of(block));
  free(block);
  return copy;
}

int posix_memalign(void** block, size_t alignment, size_t size) {
  *block = aligned_alloc(alignment, size);
  return *block ? 0 : ENOMEM;
}
