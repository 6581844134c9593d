/// The tasks of {{name}}.

#include <algorithm>
#include <string>

#include <taskhost/task.hpp>

/// In UTF-8 each letter has one byte that is not 10xxxxxx.
static std::uint32_t count_letters(std::string_view text) {
  auto begins = [](unsigned char byte) { return (byte & 0xC0) != 0x80; };
  return static_cast<std::uint32_t>(std::ranges::count_if(text, begins));
}

bool exports_tasks_greet(exports_tasks_person_t *person, exports_tasks_greeting_t *ret, task_string_t *err) {
  std::string_view name = taskhost::view(person->name);
  if (name.find_first_not_of(" \t\r\n") == name.npos)
    return taskhost::fail(err, "a person needs a name");
  taskhost::info("greeting ", name);
  std::string text = taskhost::text("Hello, ", name);
  if (auto age = taskhost::view(person->age))
    text += taskhost::text(", ", *age, " years old");
  text += '!';
  ret->text = taskhost::give(text);
  ret->letters = count_letters(text);
  return true;
}
