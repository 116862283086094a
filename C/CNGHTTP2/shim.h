// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

// What one session may take from the heap: a peer can make the library keep things, and past the
// limit it is told that there is no memory, which ends the session.
struct mt_h2_heap {
  size_t used;
  size_t limit;
};

static inline void *mt_h2_malloc(size_t size, void *user) {
  struct mt_h2_heap *heap = (struct mt_h2_heap *)user;
  if (heap->used + size > heap->limit) return NULL;
  void *memory = malloc(size);
  if (memory != NULL) heap->used += malloc_usable_size(memory);
  return memory;
}

static inline void mt_h2_free(void *memory, void *user) {
  struct mt_h2_heap *heap = (struct mt_h2_heap *)user;
  if (memory == NULL) return;
  heap->used -= malloc_usable_size(memory);
  free(memory);
}

static inline void *mt_h2_calloc(size_t count, size_t size, void *user) {
  if (size != 0 && count > SIZE_MAX / size) return NULL;
  void *memory = mt_h2_malloc(count * size, user);
  if (memory != NULL) memset(memory, 0, count * size);
  return memory;
}

static inline void *mt_h2_realloc(void *memory, size_t size, void *user) {
  struct mt_h2_heap *heap = (struct mt_h2_heap *)user;
  size_t before = memory == NULL ? 0 : malloc_usable_size(memory);
  if (size > before && heap->used + (size - before) > heap->limit) return NULL;
  void *moved = realloc(memory, size);
  if (moved != NULL) heap->used += malloc_usable_size(moved) - before;
  return moved;
}

static inline nghttp2_mem mt_h2_mem(struct mt_h2_heap *heap) {
  nghttp2_mem mem = {heap, mt_h2_malloc, mt_h2_free, mt_h2_calloc, mt_h2_realloc};
  return mem;
}
