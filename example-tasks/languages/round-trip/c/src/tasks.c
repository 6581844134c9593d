/* The value in C. What comes in belongs to the function, what goes out to the caller: strings and lists change hands and are not copied. */

#include <taskhost/task.h>

#include "bindings/task.h"

void exports_tasks_pass(exports_tasks_everything_t *value, exports_tasks_everything_t *ret) {
  task_info("%.*s in C, %zu words", (int)value->text.len, (const char *)value->text.ptr, value->words.len);
  *ret = *value;
}

uint32_t exports_tasks_add_one(uint32_t value) { return value + 1; }
