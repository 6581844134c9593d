/// The tasks of {{name}}.

#include <inttypes.h>

#include <taskhost/task.h>

/// In UTF-8 each letter has one byte that is not 10xxxxxx.
static uint32_t count_letters(task_string_t text) {
  uint32_t letters = 0;
  for (size_t i = 0; i < text.len; i++)
    letters += (text.ptr[i] & 0xC0) != 0x80;
  return letters;
}

bool exports_tasks_greet(exports_tasks_person_t *person, exports_tasks_greeting_t *ret, task_string_t *err) {
  if (task_string_trim(person->name).len == 0)
    return task_fail(err, "a person needs a name");
  task_info("greeting %.*s", TASK_STRING(person->name));
  if (person->age.is_some)
    task_string_format(&ret->text, "Hello, %.*s, %" PRIu32 " years old!", TASK_STRING(person->name), person->age.val);
  else
    task_string_format(&ret->text, "Hello, %.*s!", TASK_STRING(person->name));
  ret->letters = count_letters(ret->text);
  return true;
}
