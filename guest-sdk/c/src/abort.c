/// The last words of a task that ends itself: the last line on stderr is the reason that the host shows.
///
/// In a component they go straight to WASI's stderr. By way of libc they would bring stdio into a task that never prints, and
/// with it the question what it may do with files.

#include "taskhost/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Longer ones are cut.
#define MESSAGE_BYTES_MAX 2000

static void say(const char *text, size_t length);

/// `task_abort` without `printf`, for `memory.c`, which is in tasks that have no other use for it.
TASK_NORETURN void task_abort_plain(const char *message);

void task_abort_plain(const char *message) {
  say(message, strlen(message));
  say("\n", 1);
  abort();
}

void task_abort(const char *format, ...) {
  char message[MESSAGE_BYTES_MAX];
  va_list arguments;
  va_start(arguments, format);
  if (vsnprintf(message, sizeof message, format, arguments) < 0)
    message[0] = '\0';
  va_end(arguments);
  task_abort_plain(message);
}

#ifdef __wasm__

// What `wit/stderr.wit` declares; `taskhost build` puts it into the component's world where this is linked.
__attribute__((__import_module__("wasi:cli/stderr@0.2.0"), __import_name__("get-stderr")))
extern int32_t get_stderr(void);
__attribute__((__import_module__("wasi:io/streams@0.2.0"), __import_name__("[method]output-stream.blocking-write-and-flush")))
extern void write_and_flush(int32_t stream, const char *bytes, size_t length, void *ret);

static void say(const char *text, size_t length) {
  uint32_t ignored[4];
  write_and_flush(get_stderr(), text, length, ignored);
}

/// What a failed `assert` calls.
TASK_NORETURN void __assert_fail(const char *expression, const char *file, int line, const char *function) {
  task_abort("assertion failed: %s (at %s:%d in %s)", expression, file, line, function);
}

#else

static void say(const char *text, size_t length) {
  fwrite(text, 1, length, stderr);
}

#endif
