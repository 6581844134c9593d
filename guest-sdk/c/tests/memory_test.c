/// Tests of `src/memory.c`, natively: it is given a memory that is an array.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(16) uint8_t world[64 << 20];
static size_t world_bytes;
static size_t world_bytes_max;
static unsigned growths;

static uint8_t *memory_start(void) { return world + 1000; }
static uint8_t *memory_end(void) { return world + world_bytes; }
static bool memory_grow(size_t bytes) {
  growths++;
  if (world_bytes + bytes > world_bytes_max)
    return false;
  world_bytes += bytes;
  return true;
}

static unsigned complaints;
static void complain(void) { complaints++; }

#define MEMORY_IS_FAKED
#define malloc our_malloc
#define free our_free
#define calloc our_calloc
#define realloc our_realloc
#define reallocarray our_reallocarray
#define memalign our_memalign
#define aligned_alloc our_aligned_alloc
#define posix_memalign our_posix_memalign
#define malloc_usable_size our_malloc_usable_size
#define valloc our_valloc
#include "../src/memory.c"

static void reset(size_t bytes_max) {
  memset(world, 0xA5, sizeof world);
  memset(small_blocks, 0, sizeof small_blocks);
  large_blocks = NULL;
  top = first;
  limit = first + sizeof first;
  memset(first, 0xA5, sizeof first);
  world_bytes = 64 << 10;
  world_bytes_max = bytes_max;
  growths = 0;
}

static void every_size_fits_its_place(void) {
  unsigned last = 0;
  for (size_t wanted = 0; wanted <= SMALL_BYTES_MAX; wanted++) {
    size_t size = wanted;
    unsigned place = fit(&size);
    assert(size >= wanted && size % ALIGNMENT == 0 && size <= SMALL_BYTES_MAX);
    assert(wanted <= 64 || size - wanted < wanted / 3);
    assert(place == last || place == last + 1);
    size_t again = size;
    assert(fit(&again) == place && again == size);
    last = place;
  }
  assert(last == SMALL_SIZES - 1);
}

static void a_small_task_never_asks_the_host(void) {
  reset(1 << 20);
  for (int i = 0; i < 100; i++)
    assert(malloc(200) != NULL);
  free(malloc(30000));
  assert(growths == 0 && top <= first + sizeof first);
}

static void what_is_freed_is_used_again(void) {
  reset(16 << 20);
  for (int i = 0; i < 100000; i++) {
    free(malloc(40));
    free(malloc(300 << 10));
    free(memalign(4096, 5000));
  }
  assert(world_bytes <= 1 << 20);
}

static void neighbours_become_one_again(void) {
  reset(16 << 20);
  void *parts[8];
  for (int i = 0; i < 8; i++)
    parts[i] = malloc(1 << 20);
  void *last = malloc(1 << 20);
  size_t before = world_bytes;
  for (int i = 0; i < 8; i += 2)
    free(parts[i]);
  for (int i = 1; i < 8; i += 2)
    free(parts[i]);
  // The other one is the rest of `first`.
  unsigned count = 0;
  for (free_block *block = large_blocks; block != NULL; block = block->next)
    count++;
  assert(count == 2);
  assert(malloc(8 << 20) == parts[0] && world_bytes == before);
  free(parts[0]);
  free(last);
  assert(top == (uint8_t *)parts[0] - sizeof(header));
}

static void the_last_block_grows_where_it_is(void) {
  reset(32 << 20);
  uint8_t *memory = malloc(100);
  unsigned moves = 0;
  for (size_t size = 100; size < 20 << 20; size += size / 2) {
    uint8_t *larger = realloc(memory, size);
    moves += larger != memory;
    memory = larger;
  }
  // Out of `first`.
  assert(moves == 1);
}

static void memory_that_is_not_there_is_no_memory(void) {
  reset(1 << 20);
  assert(malloc(2 << 20) == NULL && errno == ENOMEM);
  assert(malloc(SIZE_MAX) == NULL && malloc(SIZE_MAX - 100) == NULL);
  assert(calloc(SIZE_MAX / 2, 3) == NULL && reallocarray(NULL, SIZE_MAX / 2, 3) == NULL);
  assert(memalign(4096, SIZE_MAX - 4096) == NULL);
  void *kept = malloc(100);
  memset(kept, 7, 100);
  assert(realloc(kept, 4 << 20) == NULL && ((uint8_t *)kept)[99] == 7);
  // The last 64 KiB are given although 256 KiB are not there.
  assert(malloc((1 << 20) - (100 << 10)) != NULL);
  assert(malloc(1) != NULL);
}

static void what_did_not_come_from_here_is_told(void) {
  reset(8 << 20);
  header literal[2] = {{.size = 5}};
  free(&literal[1]);
  assert(complaints == 1);
  reset(8 << 20);
  void *twice = malloc(100);
  free(twice);
  assert(complaints == 1);
  free(twice);
  assert(complaints == 2);
  reset(8 << 20);
  twice = memalign(4096, 100000);
  free(twice);
  assert(complaints == 2);
  free(twice);
  assert(complaints == 3);
}

static void zeros_are_zeros(void) {
  reset(8 << 20);
  void *used = malloc(5000);
  memset(used, 1, 5000);
  free(used);
  uint8_t *zeros = calloc(50, 100);
  for (int i = 0; i < 5000; i++)
    assert(zeros[i] == 0);
}

/// Many blocks at random, each filled with a byte of its own that has to be there at the end.
static void no_block_touches_another(unsigned seed) {
  enum { COUNT = 300 };
  reset(60 << 20);
  struct { uint8_t *memory; size_t size; uint8_t byte; } blocks[COUNT] = {0};
  srand(seed);
  for (int round = 0; round < 60000; round++) {
    unsigned i = (unsigned)rand() % COUNT;
    for (size_t at = 0; at < blocks[i].size; at += blocks[i].size / 7 + 1)
      assert(blocks[i].memory[at] == blocks[i].byte);
    if (blocks[i].size > 0)
      assert(blocks[i].memory[blocks[i].size - 1] == blocks[i].byte);
    size_t scale = (size_t)1 << (rand() % 17 + 1);
    size_t size = (size_t)rand() % scale + 1;
    size_t kept = 0;
    switch (rand() % 4) {
    case 0:
      kept = blocks[i].size < size ? blocks[i].size : size;
      blocks[i].memory = realloc(blocks[i].memory, size);
      for (size_t at = 0; at < kept; at++)
        assert(blocks[i].memory[at] == blocks[i].byte);
      break;
    case 1: {
      size_t alignment = (size_t)16 << (rand() % 9);
      free(blocks[i].memory);
      blocks[i].memory = aligned_alloc(alignment, size);
      assert((uintptr_t)blocks[i].memory % alignment == 0);
      break;
    }
    case 2:
      free(blocks[i].memory);
      blocks[i].memory = NULL;
      blocks[i].size = 0;
      continue;
    default:
      free(blocks[i].memory);
      blocks[i].memory = malloc(size);
    }
    assert(blocks[i].memory != NULL && (uintptr_t)blocks[i].memory % 16 == 0);
    assert(malloc_usable_size(blocks[i].memory) >= size);
    blocks[i].size = size;
    blocks[i].byte = (uint8_t)rand();
    memset(blocks[i].memory, blocks[i].byte, size);
  }
  for (free_block *block = large_blocks; block != NULL && block->next != NULL; block = block->next)
    assert(end_of(&block->head) < (uint8_t *)block->next);
}

int main(void) {
  every_size_fits_its_place();
  a_small_task_never_asks_the_host();
  what_is_freed_is_used_again();
  neighbours_become_one_again();
  the_last_block_grows_where_it_is();
  memory_that_is_not_there_is_no_memory();
  what_did_not_come_from_here_is_told();
  zeros_are_zeros();
  for (unsigned seed = 1; seed <= 20; seed++)
    no_block_touches_another(seed);
  assert(complaints == 3);
  puts("memory: ok");
}
