/// The value in C++. What comes in belongs to the function, what goes out to the caller: strings and lists change hands and are not copied.

#include <taskhost/task.hpp>

#include "bindings/task.h"

void exports_tasks_pass(exports_tasks_everything_t *value, exports_tasks_everything_t *ret) {
  taskhost::info(taskhost::view(value->text), " in C++, ", value->words.len, " words");
  *ret = *value;
}

std::uint32_t exports_tasks_add_one(std::uint32_t value) { return value + 1; }
