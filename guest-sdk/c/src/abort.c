/// The last words of a task that ends itself: the last line on stderr is the reason that the host shows.
///
/// In a component they go straight to WASI's stderr. By way of libc they would bring stdio into a task that never prints, and
/// with it the question what it may do with files.

#include "taskhost/task.h"

#include <stdio.h>
#include <stdlib.h>

/// Longer ones are cut.
#define MESSAGE_BYTES_MAX 2000

static void say(const char *line, size_t length);

void task_abort(const char *format, ...) {
  char line[MESSAGE_BYTES_MAX + 1];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, MESSAGE_BYTES_MAX, format, arguments);
  va_end(arguments);
  if (length < 0)
    length = 0;
  if (length > MESSAGE_BYTES_MAX - 1)
    length = MESSAGE_BYTES_MAX - 1;
  line[length] = '\n';
  say(line, (size_t)length + 1);
  abort();
}

#ifdef __wasm__

// What `wit/stderr.wit` declares; `taskhost build` puts it into the component's world where this is linked.
__attribute__((__import_module__("wasi:cli/stderr@0.2.0"), __import_name__("get-stderr")))
extern int32_t get_stderr(void);
__attribute__((__import_module__("wasi:io/streams@0.2.0"), __import_name__("[method]output-stream.blocking-write-and-flush")))
extern void write_and_flush(int32_t stream, const char *bytes, size_t length, void *ret);

static void say(const char *line, size_t length) {
  uint32_t ignored[4];
  write_and_flush(get_stderr(), line, length, ignored);
}

/// What a failed `assert` calls.
TASK_NORETURN void __assert_fail(const char *expression, const char *file, int line, const char *function) {
  task_abort("assertion failed: %s (at %s:%d in %s)", expression, file, line, function);
}

#else

static void say(const char *line, size_t length) {
  fwrite(line, 1, length, stderr);
}

#endif
