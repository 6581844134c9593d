/// Tests of the tasks as an ordinary program, with a host that is faked: `make test`.

#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include <taskhost/testing.h>

static void somebody_is_greeted_by_name(void) {
  testing_reset();
  exports_tasks_person_t person = {.name = testing_string("Zoë"), .age = {.is_some = true, .val = 36}};
  exports_tasks_greeting_t greeting;
  task_string_t error;
  assert(exports_tasks_greet(&person, &greeting, &error));
  assert(task_string_is(greeting.text, "Hello, Zoë, 36 years old!"));
  assert(greeting.letters == 25);
  assert(testing_logged("greeting Zoë"));
  exports_tasks_greeting_free(&greeting);
  exports_tasks_person_free(&person);
}

static void an_age_may_be_unknown(void) {
  testing_reset();
  exports_tasks_person_t person = {.name = testing_string("Ada")};
  exports_tasks_greeting_t greeting;
  task_string_t error;
  assert(exports_tasks_greet(&person, &greeting, &error));
  assert(task_string_is(greeting.text, "Hello, Ada!"));
  exports_tasks_greeting_free(&greeting);
  exports_tasks_person_free(&person);
}

static void a_person_without_a_name_is_an_error(void) {
  testing_reset();
  exports_tasks_person_t person = {.name = testing_string("  ")};
  exports_tasks_greeting_t greeting;
  task_string_t error;
  assert(!exports_tasks_greet(&person, &greeting, &error));
  assert(task_string_is(error, "a person needs a name"));
  assert(testing_log_count() == 0);
  task_string_free(&error);
  exports_tasks_person_free(&person);
}

int main(void) {
  somebody_is_greeted_by_name();
  an_age_may_be_unknown();
  a_person_without_a_name_is_an_error();
  testing_reset();
  puts("3 passed, 0 failed");
}
