/// Write a taskhost task in C.
///
///     wit/world.wit ── taskhost build ──► bindings/task.h ──► your functions ──► components/NAME.wasm
///
/// `bindings/task.h` declares a function for each task of the WIT; define it, and say how it went by the value that it
/// returns. A `greet: func(person: person) -> result<greeting, string>` of the interface `tasks` is
///
///     bool exports_tasks_greet(exports_tasks_person_t *person, exports_tasks_greeting_t *ret, task_string_t *err) {
///         if (person->name.len == 0)
///             return task_fail(err, "a person needs a name");
///         task_info("greeting %.*s", TASK_STRING(person->name));
///         task_string_format(&ret->text, "Hello, %.*s!", TASK_STRING(person->name));
///         return true;
///     }
///
/// Who frees what. An argument belongs to the function that is called; what it returns belongs to the caller, which frees it
/// with `free`, so a text or list in a result comes from `malloc` (`task_string_dup`, `task_string_format`), never from a
/// literal (`task_string_set`) and never from an argument that is freed. Each task run has a memory of its own that vanishes
/// with it: free what is large and no longer needed, the rest may stay.
///
/// There is nothing hidden: all of this is short for the functions that `bindings/task.h` declares.

#ifndef TASKHOST_TASK_H
#define TASKHOST_TASK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bindings/task.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TASK_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#define TASK_NORETURN __attribute__((__noreturn__))
#else
#define TASK_PRINTF(format, first)
#define TASK_NORETURN
#endif

// ---- The log

/// Logs a message, formatted as by `printf`, if somebody keeps messages of `level`.
///
/// Printing works too; a message has a level as well, by which its reader can choose, and it costs less.
void task_log(taskhost_task_log_level_t level, const char *format, ...) TASK_PRINTF(2, 3);

/// `task_log` with the arguments of a function that has its own `...`.
void task_vlog(taskhost_task_log_level_t level, const char *format, va_list arguments) TASK_PRINTF(2, 0);

/// Logs details for the author.
#define task_trace(...) task_log(TASKHOST_TASK_LOG_LEVEL_TRACE, __VA_ARGS__)
/// Logs details for whoever looks for a mistake.
#define task_debug(...) task_log(TASKHOST_TASK_LOG_LEVEL_DEBUG, __VA_ARGS__)
/// Logs what everybody may see.
#define task_info(...) task_log(TASKHOST_TASK_LOG_LEVEL_INFO, __VA_ARGS__)
/// Logs something to look at.
#define task_warn(...) task_log(TASKHOST_TASK_LOG_LEVEL_WARN, __VA_ARGS__)
/// Logs something that went wrong.
#define task_error(...) task_log(TASKHOST_TASK_LOG_LEVEL_ERROR, __VA_ARGS__)

// ---- How the task is going

/// Tells the host that `done` of `total` units are done; a `total` of 0 means that it is not known. `message` says what is
/// going on and may be NULL. Cheap to call often.
void task_progress(uint32_t done, uint32_t total, const char *message);

/// Makes `err` the formatted message and gives false, so that a task fails by `return task_fail(err, "no row %d", row);`.
bool task_fail(task_string_t *err, const char *format, ...) TASK_PRINTF(2, 3);

/// Ends the task run at once, with the formatted message as the reason: for what cannot be, where `task_fail` is for what can.
/// A failed `assert` does the same with the message of its own.
TASK_NORETURN void task_abort(const char *format, ...) TASK_PRINTF(1, 2);

// ---- Which task run this is

/// The context of a task run: `flow_run`, `task`, `task_run`, `attempt`, `mapped`, `map_index`, `seconds_left`.
typedef taskhost_task_context_context_t task_context_t;

/// The context of this one. Its texts belong to the caller: `taskhost_task_context_context_free` frees them.
task_context_t task_context(void);

// ---- Text
//
// A `task_string_t` is UTF-8 with a length and without a NUL at its end. `bindings/task.h` has `task_string_dup` (copies a C
// string), `task_string_dup_n`, `task_string_set` (refers to one, for arguments of calls only) and `task_string_free`.

/// The two arguments that `%.*s` takes: `printf("%.*s", TASK_STRING(person->name))`.
#define TASK_STRING(string) (int)(string).len, (const char *)(string).ptr

/// Makes `ret` a new text, formatted as by `printf`.
void task_string_format(task_string_t *ret, const char *format, ...) TASK_PRINTF(2, 3);

/// Whether the text is `text`.
bool task_string_is(task_string_t string, const char *text);

/// The part without spaces, tabs and line ends around it. It refers to the same bytes: nothing to free, and not to be returned.
task_string_t task_string_trim(task_string_t string);

/// A new C string, to be freed with `free`. It ends early where the text holds a NUL.
char *task_string_to_c(task_string_t string);

// ---- Bulk data: blobs, which are read and written in pieces

/// A blob that this function owns: the type of a parameter or result `blob`.
typedef taskhost_task_blobs_own_blob_t task_blob_t;
/// A blob that is lent: the type of a parameter `borrow<blob>`; of one that is owned, `taskhost_task_blobs_borrow_blob`.
typedef taskhost_task_blobs_borrow_blob_t task_blob_ref_t;

/// The number of its bytes.
uint64_t task_blob_length(task_blob_ref_t blob);

/// Reads a blob from its beginning to its end. Set `at` to go elsewhere. Nothing to free.
typedef struct task_blob_reader_t {
  task_blob_ref_t blob;
  /// Where the next read begins, in bytes from the beginning.
  uint64_t at;
} task_blob_reader_t;

task_blob_reader_t task_blob_reader(task_blob_ref_t blob);

/// Reads up to `size` bytes, and fewer only at the end; gives how many. Each call asks the host, so let `size` be some KiB.
size_t task_blob_read(task_blob_reader_t *reader, void *buffer, size_t size);

/// Makes `ret` all bytes of the blob, to be freed with `task_list_u8_free`.
void task_blob_load(task_blob_ref_t blob, task_list_u8_t *ret);

/// Makes a blob. Small writes are gathered, as `FILE` does it.
typedef struct task_blob_writer_t {
  taskhost_task_blobs_own_blob_writer_t writer;
  uint8_t *buffer;
  size_t used;
} task_blob_writer_t;

task_blob_writer_t task_blob_writer(void);

/// Adds bytes at the end.
void task_blob_write(task_blob_writer_t *writer, const void *bytes, size_t length);

/// Adds text at the end, formatted as by `printf`.
void task_blob_printf(task_blob_writer_t *writer, const char *format, ...) TASK_PRINTF(2, 3);

/// The blob of what was written. The writer is used up.
task_blob_t task_blob_finish(task_blob_writer_t *writer);

/// Leaves nothing of what was written. The writer is used up.
void task_blob_discard(task_blob_writer_t *writer);

#ifdef __cplusplus
}
#endif

#endif
