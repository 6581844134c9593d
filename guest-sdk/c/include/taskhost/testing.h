/// A host that is faked, to test tasks as an ordinary program, with any compiler and debugger.
///
/// A test calls the functions of the tasks as the host does, and asks afterwards what they said. Build it from the tasks'
/// sources, the test, `sdk/src/task.c` and `sdk/testing/host.c`, with the flags of `compile_flags.txt`:
///
///     exports_tasks_person_t person = {.name = testing_string("Ada"), .age = {.is_some = true, .val = 36}};
///     exports_tasks_greeting_t greeting;
///     task_string_t error;
///     assert(exports_tasks_greet(&person, &greeting, &error));
///     assert(task_string_is(greeting.text, "Hello, Ada, 36 years old!"));
///     assert(testing_logged("greeting Ada"));
///
/// What the host would stop a task for (a piece that is too large, a handle that is not there) ends the program with a message.

#ifndef TASKHOST_TESTING_H
#define TASKHOST_TESTING_H

#include "taskhost/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Forgets what was said so far, and every blob.
void testing_reset(void);

/// A text that the function to be tested may free, as it may each of its arguments.
task_string_t testing_string(const char *text);

/// One message of the log.
typedef struct testing_line_t {
  taskhost_task_log_level_t level;
  const char *text;
} testing_line_t;

/// How many messages were logged, of every level.
size_t testing_log_count(void);

/// The message at `index`, or one that is empty.
testing_line_t testing_log(size_t index);

/// Whether `text` occurs in a message of the log.
bool testing_logged(const char *text);

/// The last report of progress, and how many there were.
typedef struct testing_progress_t {
  uint32_t done;
  uint32_t total;
  const char *message;
  unsigned reports;
} testing_progress_t;

testing_progress_t testing_progress(void);

/// What `task_context` gives; to be set by a test that needs another one.
typedef struct testing_context_t {
  const char *flow_run;
  const char *task;
  const char *task_run;
  uint32_t attempt;
  bool mapped;
  uint32_t map_index;
  double seconds_left;
} testing_context_t;

extern testing_context_t testing_context;

/// A blob of a copy of these bytes.
task_blob_t testing_blob(const void *bytes, size_t length);

/// The bytes of a blob. They belong to the fake host.
task_list_u8_t testing_bytes(task_blob_t blob);

/// Blobs and writers that nobody dropped or finished yet.
size_t testing_handles(void);

#ifdef __cplusplus
}
#endif

#endif
