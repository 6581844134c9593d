/// What libc++ calls where it would throw: an index that is not there, no memory. They become last words, as in [`abort.c`](abort.c).

#if defined(__wasm__)

#include <version>

#if defined(_LIBCPP_VERSION)

#include "taskhost/task.h"

#include <stdio.h>

// Not with the declaration of libc++, which is `noexcept` in some versions and not in others.
_LIBCPP_BEGIN_NAMESPACE_STD

[[noreturn]] void __libcpp_verbose_abort(const char *format, ...) {
  char message[1000];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  task_abort("%s", message);
}

_LIBCPP_END_NAMESPACE_STD

#endif
#endif
