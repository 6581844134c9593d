/// What `taskhost/task.h` promises, over the functions of `bindings/task.h`.

#include "taskhost/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Most bytes that one call of the host takes or gives.
#define PIECE_BYTES_MAX ((size_t)4 << 20)

/// What a writer gathers before it calls the host.
#define BUFFER_BYTES ((size_t)64 << 10)

static void *allocate(size_t size) {
  void *memory = malloc(size > 0 ? size : 1);
  if (memory == NULL)
    abort();
  return memory;
}

static void format_into(task_string_t *ret, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  if (length < 0)
    length = 0;
  ret->ptr = (uint8_t *)allocate((size_t)length + 1);
  ret->len = (size_t)length;
  ret->ptr[0] = '\0';
  vsnprintf((char *)ret->ptr, (size_t)length + 1, format, again);
  va_end(again);
  if (length == 0) {
    // An empty text owns no memory: nobody frees it.
    free(ret->ptr);
    ret->ptr = NULL;
  }
}

void task_vlog(taskhost_task_log_level_t level, const char *format, va_list arguments) {
  if (!taskhost_task_log_enabled(level))
    return;
  task_string_t message;
  format_into(&message, format, arguments);
  taskhost_task_log_log(level, &message);
  task_string_free(&message);
}

void task_log(taskhost_task_log_level_t level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  task_vlog(level, format, arguments);
  va_end(arguments);
}

void task_progress(uint32_t done, uint32_t total, const char *message) {
  task_string_t text;
  task_string_set(&text, message != NULL ? message : "");
  taskhost_task_progress_report(done, total, &text);
}

bool task_fail(task_string_t *err, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  format_into(err, format, arguments);
  va_end(arguments);
  return false;
}

task_context_t task_context(void) {
  task_context_t context;
  taskhost_task_context_get(&context);
  return context;
}

void task_string_format(task_string_t *ret, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  format_into(ret, format, arguments);
  va_end(arguments);
}

bool task_string_is(task_string_t string, const char *text) {
  return string.len == strlen(text) && (string.len == 0 || memcmp(string.ptr, text, string.len) == 0);
}

static bool is_space(uint8_t byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

task_string_t task_string_trim(task_string_t string) {
  while (string.len > 0 && is_space(string.ptr[0])) {
    string.ptr++;
    string.len--;
  }
  while (string.len > 0 && is_space(string.ptr[string.len - 1]))
    string.len--;
  return string;
}

char *task_string_to_c(task_string_t string) {
  char *text = (char *)allocate(string.len + 1);
  if (string.len > 0)
    memcpy(text, string.ptr, string.len);
  text[string.len] = '\0';
  return text;
}

uint64_t task_blob_length(task_blob_ref_t blob) {
  return (uint64_t)taskhost_task_blobs_method_blob_length(blob);
}

task_blob_reader_t task_blob_reader(task_blob_ref_t blob) {
  return (task_blob_reader_t){.blob = blob, .at = 0};
}

size_t task_blob_read(task_blob_reader_t *reader, void *buffer, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    size_t most = size - filled < PIECE_BYTES_MAX ? size - filled : PIECE_BYTES_MAX;
    task_list_u8_t piece;
    taskhost_task_blobs_method_blob_read(reader->blob, (double)reader->at, (uint32_t)most, &piece);
    if (piece.len > 0)
      memcpy((uint8_t *)buffer + filled, piece.ptr, piece.len);
    filled += piece.len;
    reader->at += piece.len;
    task_list_u8_free(&piece);
    if (piece.len < most)
      break;
  }
  return filled;
}

void task_blob_load(task_blob_ref_t blob, task_list_u8_t *ret) {
  uint64_t length = task_blob_length(blob);
  if (length > SIZE_MAX)
    abort();
  task_blob_reader_t reader = task_blob_reader(blob);
  ret->ptr = length > 0 ? (uint8_t *)allocate((size_t)length) : NULL;
  ret->len = task_blob_read(&reader, ret->ptr, (size_t)length);
}

task_blob_writer_t task_blob_writer(void) {
  return (task_blob_writer_t){.writer = taskhost_task_blobs_constructor_blob_writer(), .buffer = NULL, .used = 0};
}

static void append(task_blob_writer_t *writer, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    size_t piece = length < PIECE_BYTES_MAX ? length : PIECE_BYTES_MAX;
    task_list_u8_t list = {.ptr = (uint8_t *)bytes, .len = piece};
    taskhost_task_blobs_method_blob_writer_append(taskhost_task_blobs_borrow_blob_writer(writer->writer), &list);
    bytes += piece;
    length -= piece;
  }
}

static void flush(task_blob_writer_t *writer) {
  append(writer, writer->buffer, writer->used);
  writer->used = 0;
}

void task_blob_write(task_blob_writer_t *writer, const void *bytes, size_t length) {
  if (length > BUFFER_BYTES - writer->used)
    flush(writer);
  if (length >= BUFFER_BYTES) {
    append(writer, (const uint8_t *)bytes, length);
    return;
  }
  if (length == 0)
    return;
  if (writer->buffer == NULL)
    writer->buffer = (uint8_t *)allocate(BUFFER_BYTES);
  memcpy(writer->buffer + writer->used, bytes, length);
  writer->used += length;
}

void task_blob_printf(task_blob_writer_t *writer, const char *format, ...) {
  task_string_t text;
  va_list arguments;
  va_start(arguments, format);
  format_into(&text, format, arguments);
  va_end(arguments);
  task_blob_write(writer, text.ptr, text.len);
  task_string_free(&text);
}

task_blob_t task_blob_finish(task_blob_writer_t *writer) {
  flush(writer);
  free(writer->buffer);
  writer->buffer = NULL;
  return taskhost_task_blobs_static_blob_writer_finish(writer->writer);
}

void task_blob_discard(task_blob_writer_t *writer) {
  free(writer->buffer);
  writer->buffer = NULL;
  writer->used = 0;
  taskhost_task_blobs_blob_writer_drop_own(writer->writer);
}
