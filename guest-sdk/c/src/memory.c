/// `malloc` and its sisters for tasks that are built with zig.
///
/// Zig's libc asks the host for a page of 64 KiB as soon as anything is allocated, and for one more for each new size of block.
/// For a task of a few microseconds that is dear: what grew has to be made accessible, and taken back at the task run's end.
/// This one begins with a part of the component's own memory. Other libcs for wasm do so themselves.
///
/// Small blocks have one of 40 sizes, in four steps from a power of two to the next, and are kept by size when they are freed.
/// Large ones are kept in the order of their addresses, so that neighbours become one again. There is one thread.

// A test brings its own memory; a program that is no component has a malloc of its own.
#if defined(__wasm__) || defined(MEMORY_IS_FAKED)

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAGE_BYTES ((size_t)64 << 10)
/// What is asked for at once if less is needed.
#define GROWTH_BYTES ((size_t)256 << 10)
#define ALIGNMENT ((size_t)16)
#define SMALL_BYTES_MAX ((size_t)32 << 10)
#define SMALL_SIZES 40
#define IN_USE 0x75736564u
/// The rest of a block that is worth keeping as one of its own.
#define REST_BYTES_MIN ((size_t)1 << 10)

/// Stands before each block.
typedef struct header {
  /// Bytes behind it that belong to the block.
  size_t size;
  /// How far it is behind the first header of the block: more than 0 where a larger alignment was asked for.
  size_t offset;
  /// `IN_USE` while somebody has the block: tells what did not come from here, or was freed before.
  uint32_t mark;
} __attribute__((__aligned__(16))) header;

/// What a block holds while it is free.
typedef struct free_block {
  header head;
  struct free_block *next;
} free_block;

/// Or clang makes a call of `calloc` from what `calloc` does.
#ifdef __clang__
#define PLAIN __attribute__((__no_builtin__("malloc", "calloc")))
#else
#define PLAIN
#endif

#ifndef MEMORY_IS_FAKED
extern uint8_t __heap_base;

/// Of `abort.c`.
__attribute__((__noreturn__)) void task_abort_plain(const char *message);

static uint8_t *memory_start(void) {
  return &__heap_base;
}

static uint8_t *memory_end(void) {
  // Without the very last page, whose end would be address 0.
  size_t pages = __builtin_wasm_memory_size(0);
  return (uint8_t *)((pages < 65535 ? pages : 65535) * PAGE_BYTES);
}

static bool memory_grow(size_t bytes) {
  return __builtin_wasm_memory_grow(0, bytes / PAGE_BYTES) != SIZE_MAX;
}

static void complain(void) {
  task_abort_plain("it frees what it did not get from malloc, or frees it twice");
}
#endif

static free_block *small_blocks[SMALL_SIZES];
/// By address; no two of them touch.
static free_block *large_blocks;
/// Served before the host is asked. Pages of it that nobody touches cost nothing; the adapter for WASI preview 1 takes 64 KiB as soon
/// as it is called.
static uint8_t first[192 << 10] __attribute__((__aligned__(16)));
/// From here on nothing is given out, up to `limit`.
static uint8_t *top = first;
static uint8_t *limit = first + sizeof first;

static uint8_t *end_of(const header *block) {
  return (uint8_t *)(block + 1) + block->size;
}

static header *header_of(void *memory) {
  header *block = (header *)memory - 1;
  if ((uintptr_t)memory % ALIGNMENT != 0 || block->mark != IN_USE)
    complain();
  return block;
}

/// Makes `size` one that blocks have. For a small one, gives its place in `small_blocks`.
static unsigned fit(size_t *size) {
  if (*size > SMALL_BYTES_MAX) {
    *size = (*size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    return SMALL_SIZES;
  }
  if (*size <= 4 * ALIGNMENT) {
    unsigned steps = *size == 0 ? 1 : (unsigned)((*size + ALIGNMENT - 1) / ALIGNMENT);
    *size = steps * ALIGNMENT;
    return steps - 1;
  }
  unsigned doubling = 31 - (unsigned)__builtin_clz((unsigned)(*size - 1));
  unsigned steps = (unsigned)((*size - 1) >> (doubling - 2)) + 1;
  *size = (size_t)steps << (doubling - 2);
  return 4 + (doubling - 6) * 4 + (steps - 5);
}

/// Whether `bytes` more can be had at the top.
static bool reserve(size_t bytes, bool may_grow) {
  size_t left = (size_t)(limit - top);
  if (bytes <= left)
    return true;
  if (!may_grow)
    return false;
  size_t missing = (bytes - left + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  if ((missing >= GROWTH_BYTES || !memory_grow(GROWTH_BYTES)) && !memory_grow(missing))
    return false;
  limit = memory_end();
  return true;
}

static void give_back(header *block);

static bool is_in_first(void) {
  return limit == first + sizeof first;
}

/// Goes on from `first` to the memory behind all data.
static void leave_first(void) {
  header *rest = (header *)top;
  size_t left = (size_t)(limit - top);
  top = (uint8_t *)(((uintptr_t)memory_start() + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
  limit = memory_end();
  if (left >= REST_BYTES_MIN) {
    *rest = (header){.size = left - sizeof(header)};
    give_back(rest);
  }
}

static header *take_from_top(size_t size, bool may_grow) {
  if (is_in_first() && !reserve(sizeof(header) + size, false))
    leave_first();
  if (!reserve(sizeof(header) + size, may_grow))
    return NULL;
  header *block = (header *)top;
  *block = (header){.size = size};
  top = end_of(block);
  return block;
}

static header *take_from_large(size_t size) {
  for (free_block **at = &large_blocks; *at != NULL; at = &(*at)->next) {
    free_block *found = *at;
    if (found->head.size < size)
      continue;
    size_t rest = found->head.size - size;
    if (rest >= REST_BYTES_MIN) {
      found->head.size = size;
      free_block *behind = (free_block *)end_of(&found->head);
      behind->head = (header){.size = rest - sizeof(header)};
      behind->next = found->next;
      *at = behind;
      return &found->head;
    }
    // A small block has to have the size of its place.
    if (size > SMALL_BYTES_MAX) {
      *at = found->next;
      return &found->head;
    }
  }
  return NULL;
}

/// Puts a large block among the free ones, as one with those that it touches; the last of memory goes back to the top.
static void give_back(header *block) {
  free_block *freed = (free_block *)block;
  free_block *before = NULL;
  free_block **at = &large_blocks;
  while (*at != NULL && *at < freed) {
    before = *at;
    at = &(*at)->next;
  }
  freed->next = *at;
  *at = freed;
  if (freed->next != NULL && end_of(block) == (uint8_t *)freed->next) {
    block->size += sizeof(header) + freed->next->head.size;
    freed->next = freed->next->next;
  }
  if (before != NULL && end_of(&before->head) == (uint8_t *)freed) {
    before->head.size += sizeof(header) + block->size;
    before->next = freed->next;
    freed = before;
  }
  if (end_of(&freed->head) == top) {
    top = (uint8_t *)freed;
    for (at = &large_blocks; *at != freed; at = &(*at)->next) {
    }
    *at = NULL;
  }
}

void *malloc(size_t size) {
  if (size > PTRDIFF_MAX) {
    errno = ENOMEM;
    return NULL;
  }
  unsigned place = fit(&size);
  header *block = NULL;
  if (place < SMALL_SIZES && small_blocks[place] != NULL) {
    block = &small_blocks[place]->head;
    small_blocks[place] = small_blocks[place]->next;
  }
  // Small ones leave the free large blocks whole as long as they can.
  if (block == NULL && place < SMALL_SIZES)
    block = take_from_top(size, false);
  if (block == NULL)
    block = take_from_large(size);
  if (block == NULL)
    block = take_from_top(size, true);
  if (block == NULL) {
    errno = ENOMEM;
    return NULL;
  }
  block->mark = IN_USE;
  return block + 1;
}

void free(void *memory) {
  if (memory == NULL)
    return;
  header *block = header_of(memory);
  block->mark = 0;
  block = (header *)((uint8_t *)block - block->offset);
  block->mark = 0;
  size_t size = block->size;
  unsigned place = fit(&size);
  if (place == SMALL_SIZES) {
    give_back(block);
    return;
  }
  free_block *freed = (free_block *)block;
  freed->next = small_blocks[place];
  small_blocks[place] = freed;
}

PLAIN void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes))
    bytes = SIZE_MAX;
  void *memory = malloc(bytes);
  return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

size_t malloc_usable_size(void *memory) {
  return memory != NULL ? header_of(memory)->size : 0;
}

/// Whether the block could be made larger where it is.
static bool extend(header *block, size_t size) {
  if (block->offset != 0 || end_of(block) != top || size > PTRDIFF_MAX)
    return false;
  fit(&size);
  if (!reserve(size - block->size, !is_in_first()))
    return false;
  block->size = size;
  top = end_of(block);
  return true;
}

void *realloc(void *memory, size_t size) {
  if (memory == NULL)
    return malloc(size);
  header *block = header_of(memory);
  if (size <= block->size || extend(block, size))
    return memory;
  void *moved = malloc(size);
  if (moved != NULL) {
    memcpy(moved, memory, block->size);
    free(memory);
  }
  return moved;
}

void *reallocarray(void *memory, size_t count, size_t size) {
  size_t bytes;
  return realloc(memory, __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes);
}

void *memalign(size_t alignment, size_t size) {
  if (alignment <= ALIGNMENT || size > PTRDIFF_MAX - alignment)
    return malloc(size);
  uint8_t *memory = malloc(size + alignment);
  if (memory == NULL)
    return NULL;
  uint8_t *aligned = (uint8_t *)(((uintptr_t)memory + alignment - 1) & ~(uintptr_t)(alignment - 1));
  if (aligned != memory) {
    size_t offset = (size_t)(aligned - memory);
    ((header *)aligned)[-1] = (header){.size = header_of(memory)->size - offset, .offset = offset, .mark = IN_USE};
  }
  return aligned;
}

void *aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  void *aligned = memalign(alignment, size);
  if (aligned == NULL)
    return ENOMEM;
  *memory = aligned;
  return 0;
}

void *valloc(size_t size) {
  return memalign(PAGE_BYTES, size);
}

#endif
