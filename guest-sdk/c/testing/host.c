/// The fake host of `taskhost/testing.h`: it implements what the bindings import, so that all of a task is tested but the sandbox.

#if defined(__GNUC__)
// The bindings say to a wasm linker what no other one understands.
#pragma GCC diagnostic ignored "-Wattributes"
#endif
#include "bindings/task.c"

#include <stdio.h>

#include "taskhost/testing.h"

#define PIECE_BYTES_MAX (4 << 20)
#define HANDLES_MAX 1000

enum kind { NOTHING, BLOB, WRITER };

struct resource {
  enum kind kind;
  uint8_t *bytes;
  size_t length;
};

static testing_line_t *lines;
static size_t line_count;
static testing_progress_t progress = {.message = ""};
static struct resource resources[HANDLES_MAX];

#define FIRST_CONTEXT                                                                                                          \
  {                                                                                                                            \
    .flow_run = "flow-run", .task = "task", .task_run = "task-run", .attempt = 1, .mapped = false, .map_index = 0,             \
    .seconds_left = 60                                                                                                         \
  }

testing_context_t testing_context = FIRST_CONTEXT;

static void trap(const char *why) {
  fprintf(stderr, "the host would end this task run: %s\n", why);
  abort();
}

static void *copy_of(const void *bytes, size_t length) {
  uint8_t *copy = malloc(length + 1);
  if (copy == NULL)
    abort();
  if (length > 0)
    memcpy(copy, bytes, length);
  copy[length] = '\0';
  return copy;
}

void testing_reset(void) {
  for (size_t i = 0; i < line_count; i++)
    free((void *)lines[i].text);
  free(lines);
  lines = NULL;
  line_count = 0;
  if (progress.reports > 0)
    free((void *)progress.message);
  progress = (testing_progress_t){.message = ""};
  for (size_t i = 0; i < HANDLES_MAX; i++)
    free(resources[i].bytes);
  memset(resources, 0, sizeof resources);
  testing_context = (testing_context_t)FIRST_CONTEXT;
}

task_string_t testing_string(const char *text) {
  task_string_t string;
  task_string_dup(&string, text);
  return string;
}

// ---- The log

size_t testing_log_count(void) {
  return line_count;
}

testing_line_t testing_log(size_t index) {
  return index < line_count ? lines[index] : (testing_line_t){.text = ""};
}

bool testing_logged(const char *text) {
  for (size_t i = 0; i < line_count; i++)
    if (strstr(lines[i].text, text) != NULL)
      return true;
  return false;
}

void __wasm_import_taskhost_task_log_log(int32_t level, uint8_t *text, size_t length) {
  lines = realloc(lines, (line_count + 1) * sizeof *lines);
  if (lines == NULL)
    abort();
  lines[line_count++] = (testing_line_t){.level = (taskhost_task_log_level_t)level, .text = copy_of(text, length)};
}

int32_t __wasm_import_taskhost_task_log_enabled(int32_t level) {
  (void)level;
  return 1;
}

// ---- Progress and context

testing_progress_t testing_progress(void) {
  return progress;
}

void __wasm_import_taskhost_task_progress_report(int32_t done, int32_t total, uint8_t *text, size_t length) {
  if (progress.reports > 0)
    free((void *)progress.message);
  progress.done = (uint32_t)done;
  progress.total = (uint32_t)total;
  progress.message = copy_of(text, length);
  progress.reports++;
}

/// A record as it lies in memory when it crosses: as a C struct of the same fields.
struct crossing_context {
  uint8_t *flow_run;
  size_t flow_run_length;
  uint8_t *task;
  size_t task_length;
  uint8_t *task_run;
  size_t task_run_length;
  uint32_t attempt;
  uint8_t mapped;
  uint32_t map_index;
  double seconds_left;
};

static uint8_t *given(const void *bytes, size_t length) {
  uint8_t *memory = cabi_realloc(NULL, 0, 1, length);
  if (length > 0)
    memcpy(memory, bytes, length);
  return memory;
}

void __wasm_import_taskhost_task_context_get(uint8_t *ret) {
  testing_context_t *context = &testing_context;
  struct crossing_context crossing = {
      .flow_run = given(context->flow_run, strlen(context->flow_run)),
      .flow_run_length = strlen(context->flow_run),
      .task = given(context->task, strlen(context->task)),
      .task_length = strlen(context->task),
      .task_run = given(context->task_run, strlen(context->task_run)),
      .task_run_length = strlen(context->task_run),
      .attempt = context->attempt,
      .mapped = context->mapped,
      .map_index = context->map_index,
      .seconds_left = context->seconds_left,
  };
  memcpy(ret, &crossing, sizeof crossing);
}

// ---- Blobs

static int32_t handle_of(enum kind kind) {
  for (int32_t i = 0; i < HANDLES_MAX; i++) {
    if (resources[i].kind == NOTHING) {
      resources[i] = (struct resource){.kind = kind};
      return i + 1;
    }
  }
  trap("it has too many handles");
  return 0;
}

static struct resource *resource_of(int32_t handle, enum kind kind) {
  if (handle < 1 || handle > HANDLES_MAX || resources[handle - 1].kind != kind)
    trap(kind == BLOB ? "there is no such blob" : "there is no such writer");
  return &resources[handle - 1];
}

static void drop(int32_t handle, enum kind kind) {
  struct resource *resource = resource_of(handle, kind);
  free(resource->bytes);
  *resource = (struct resource){.kind = NOTHING};
}

task_blob_t testing_blob(const void *bytes, size_t length) {
  int32_t handle = handle_of(BLOB);
  resources[handle - 1].bytes = copy_of(bytes, length);
  resources[handle - 1].length = length;
  return (task_blob_t){handle};
}

task_list_u8_t testing_bytes(task_blob_t blob) {
  struct resource *resource = resource_of(blob.__handle, BLOB);
  return (task_list_u8_t){.ptr = resource->bytes, .len = resource->length};
}

size_t testing_handles(void) {
  size_t count = 0;
  for (size_t i = 0; i < HANDLES_MAX; i++)
    count += resources[i].kind != NOTHING;
  return count;
}

double __wasm_import_taskhost_task_blobs_method_blob_length(int32_t handle) {
  return (double)resource_of(handle, BLOB)->length;
}

void __wasm_import_taskhost_task_blobs_method_blob_read(int32_t handle, double offset, int32_t most, uint8_t *ret) {
  struct resource *blob = resource_of(handle, BLOB);
  if (offset < 0 || offset != (double)(uint64_t)offset)
    trap("the offset in a blob is no whole number");
  size_t from = offset < (double)blob->length ? (size_t)offset : blob->length;
  size_t length = blob->length - from;
  if (length > (uint32_t)most)
    length = (uint32_t)most;
  if (length > PIECE_BYTES_MAX)
    length = PIECE_BYTES_MAX;
  task_list_u8_t piece = {.ptr = given(blob->bytes + from, length), .len = length};
  memcpy(ret, &piece, sizeof piece);
}

int32_t __wasm_import_taskhost_task_blobs_constructor_blob_writer(void) {
  return handle_of(WRITER);
}

void __wasm_import_taskhost_task_blobs_method_blob_writer_append(int32_t handle, uint8_t *bytes, size_t length) {
  struct resource *writer = resource_of(handle, WRITER);
  if (length > PIECE_BYTES_MAX)
    trap("more than 4 MiB at once for a blob");
  writer->bytes = realloc(writer->bytes, writer->length + length + 1);
  if (writer->bytes == NULL)
    abort();
  if (length > 0)
    memcpy(writer->bytes + writer->length, bytes, length);
  writer->length += length;
}

int32_t __wasm_import_taskhost_task_blobs_static_blob_writer_finish(int32_t handle) {
  resource_of(handle, WRITER)->kind = BLOB;
  return handle;
}

void __wasm_import_taskhost_task_blobs_blob_drop(int32_t handle) {
  drop(handle, BLOB);
}

void __wasm_import_taskhost_task_blobs_blob_writer_drop(int32_t handle) {
  drop(handle, WRITER);
}

void __component_type_object_force_link_task(void) {
}
