/// Tests of `taskhost/task.h`: a task that says everything, and the fake host that hears it.

#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <taskhost/testing.h>

// ---- The tasks

bool exports_tasks_say(task_string_t *name, exports_tasks_report_t *ret, task_string_t *err) {
  task_string_t trimmed = task_string_trim(*name);
  if (trimmed.len == 0)
    return task_fail(err, "no name in %zu bytes", name->len);
  task_trace("trace %d", 1);
  task_debug("debug %s", "two");
  task_info("info %.*s", TASK_STRING(trimmed));
  task_warn("warn %.1f", 4.0);
  task_error("error");
  task_progress(1, 2, "half");
  task_progress(2, 2, NULL);
  task_context_t context = task_context();
  task_string_format(&ret->text, "%.*s, attempt %u of %.*s/%.*s/%.*s, %u of a map: %d, %.0f s", TASK_STRING(trimmed),
                     context.attempt, TASK_STRING(context.flow_run), TASK_STRING(context.task),
                     TASK_STRING(context.task_run), context.map_index, context.mapped, context.seconds_left);
  taskhost_task_context_context_free(&context);
  ret->numbers.len = 3;
  ret->numbers.ptr = calloc(3, sizeof(uint32_t));
  ret->note = (task_option_string_t){.is_some = false};
  ret->count = (task_option_u32_t){.is_some = true, .val = 3};
  task_string_free(name);
  return true;
}

bool exports_tasks_upper(exports_tasks_own_blob_t text, exports_tasks_own_blob_t *ret, task_string_t *err) {
  (void)err;
  task_blob_reader_t reader = task_blob_reader(taskhost_task_blobs_borrow_blob(text));
  task_blob_writer_t writer = task_blob_writer();
  char piece[1000];
  for (size_t length; (length = task_blob_read(&reader, piece, sizeof piece)) > 0;) {
    for (size_t i = 0; i < length; i++)
      if (piece[i] >= 'a' && piece[i] <= 'z')
        piece[i] += 'A' - 'a';
    task_blob_write(&writer, piece, length);
  }
  taskhost_task_blobs_blob_drop_own(text);
  *ret = task_blob_finish(&writer);
  return true;
}

uint64_t exports_tasks_lines(exports_tasks_borrow_blob_t text) {
  task_list_u8_t bytes;
  task_blob_load(text, &bytes);
  uint64_t lines = 0;
  for (size_t i = 0; i < bytes.len; i++)
    lines += bytes.ptr[i] == '\n';
  task_list_u8_free(&bytes);
  return lines;
}

// ---- The tests

static void what_a_task_says_is_heard(void) {
  testing_reset();
  testing_context.mapped = true;
  testing_context.map_index = 7;
  task_string_t name = testing_string("  Ada\n");
  exports_tasks_report_t report;
  task_string_t error;
  assert(exports_tasks_say(&name, &report, &error));
  assert(task_string_is(report.text, "Ada, attempt 1 of flow-run/task/task-run, 7 of a map: 1, 60 s"));
  const char *lines[] = {"trace 1", "debug two", "info Ada", "warn 4.0", "error"};
  assert(testing_log_count() == 5);
  for (size_t i = 0; i < 5; i++) {
    assert(testing_log(i).level == i);
    assert(strcmp(testing_log(i).text, lines[i]) == 0);
  }
  assert(testing_logged("info Ada") && !testing_logged("info Bob"));
  testing_progress_t progress = testing_progress();
  assert(progress.reports == 2 && progress.done == 2 && progress.total == 2 && strcmp(progress.message, "") == 0);
  exports_tasks_report_free(&report);
}

static void a_task_that_fails_says_why(void) {
  testing_reset();
  task_string_t name = testing_string(" \t ");
  exports_tasks_report_t report;
  task_string_t error;
  assert(!exports_tasks_say(&name, &report, &error));
  assert(task_string_is(error, "no name in 3 bytes"));
  task_string_free(&error);
  task_string_free(&name);
}

static void blobs_of_any_length_come_and_go(void) {
  const size_t lengths[] = {0, 1, 999, 1000, 1001, 65536, 65537, 5 << 20, (9 << 20) + 1};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    testing_reset();
    size_t length = lengths[i];
    char *text = malloc(length + 1);
    for (size_t at = 0; at < length; at++)
      text[at] = "abc-\n"[at % 5];
    exports_tasks_own_blob_t upper;
    task_string_t error;
    assert(exports_tasks_upper(testing_blob(text, length), &upper, &error));
    task_list_u8_t bytes = testing_bytes(upper);
    assert(bytes.len == length);
    for (size_t at = 0; at < length; at++)
      assert(bytes.ptr[at] == (uint8_t)"ABC-\n"[at % 5]);
    assert(exports_tasks_lines(taskhost_task_blobs_borrow_blob(upper)) == length / 5);
    taskhost_task_blobs_blob_drop_own(upper);
    assert(testing_handles() == 0);
    free(text);
  }
}

static void large_and_small_writes_keep_their_order(void) {
  testing_reset();
  task_blob_writer_t writer = task_blob_writer();
  char *large = malloc(9 << 20);
  memset(large, 'x', 9 << 20);
  task_blob_write(&writer, "begin", 5);
  task_blob_write(&writer, large, 9 << 20);
  task_blob_printf(&writer, "%s %d", "end", 42);
  task_blob_printf(&writer, "%s", "");
  task_blob_t blob = task_blob_finish(&writer);
  task_list_u8_t bytes = testing_bytes(blob);
  assert(bytes.len == 5 + (9 << 20) + 6);
  assert(memcmp(bytes.ptr, "beginx", 6) == 0 && memcmp(bytes.ptr + bytes.len - 7, "xend 42", 7) == 0);
  taskhost_task_blobs_blob_drop_own(blob);
  writer = task_blob_writer();
  task_blob_write(&writer, large, 10);
  task_blob_discard(&writer);
  assert(testing_handles() == 0);
  free(large);
}

static void a_reader_goes_where_it_is_told(void) {
  testing_reset();
  task_blob_t blob = testing_blob("0123456789", 10);
  task_blob_reader_t reader = task_blob_reader(taskhost_task_blobs_borrow_blob(blob));
  char piece[4];
  reader.at = 7;
  assert(task_blob_read(&reader, piece, 4) == 3 && memcmp(piece, "789", 3) == 0 && reader.at == 10);
  assert(task_blob_read(&reader, piece, 4) == 0);
  reader.at = 1000;
  assert(task_blob_read(&reader, piece, 4) == 0);
  reader.at = 0;
  assert(task_blob_read(&reader, piece, 0) == 0 && task_blob_read(&reader, piece, 1) == 1 && piece[0] == '0');
  taskhost_task_blobs_blob_drop_own(blob);
}

static void texts_are_compared_cut_and_copied(void) {
  task_string_t text;
  task_string_set(&text, " a b ");
  assert(task_string_is(task_string_trim(text), "a b") && !task_string_is(text, " a b") && !task_string_is(text, ""));
  char *copy = task_string_to_c(text);
  assert(strcmp(copy, " a b ") == 0);
  free(copy);
  task_string_t empty = {0};
  assert(task_string_is(empty, "") && task_string_trim(empty).len == 0);
  copy = task_string_to_c(empty);
  assert(strcmp(copy, "") == 0);
  free(copy);
  task_string_format(&text, "%s", "");
  assert(text.len == 0 && text.ptr == NULL);
  task_string_format(&text, "%0*d", 5000, 7);
  assert(text.len == 5000);
  task_string_free(&text);
}

int main(void) {
  what_a_task_says_is_heard();
  a_task_that_fails_says_why();
  blobs_of_any_length_come_and_go();
  large_and_small_writes_keep_their_order();
  a_reader_goes_where_it_is_told();
  texts_are_compared_cut_and_copied();
  testing_reset();
  puts("task.h: ok");
}
