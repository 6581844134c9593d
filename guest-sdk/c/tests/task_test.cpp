/// Tests of `taskhost/task.hpp`.

#undef NDEBUG
#include <algorithm>
#include <cassert>
#include <cstdio>
#include <numeric>

#include <taskhost/task.hpp>
#include <taskhost/testing.h>

// ---- The tasks

bool exports_tasks_say(task_string_t *name, exports_tasks_report_t *ret, task_string_t *err) {
  std::string_view who = taskhost::view(*name);
  if (who.empty())
    return taskhost::fail(err, "no name in ", name->len, " bytes");
  taskhost::trace("trace ", 1);
  taskhost::debug("debug ", std::string("two"), '!');
  taskhost::info("info ", who, " ", *name);
  taskhost::warn("warn ", 4.5, " ", true);
  taskhost::error();
  taskhost::progress(1, 2);
  taskhost::progress(2, 2, "done");
  taskhost::Context context = taskhost::context();
  ret->text = taskhost::give(context.flow_run + "/" + context.task + "/" + context.task_run);
  ret->numbers = taskhost::give_list<task_list_u32_t>(std::vector<std::uint32_t>{context.attempt, 2, 3});
  ret->note = {true, taskhost::give("")};
  ret->count = {false, 0};
  return true;
}

bool exports_tasks_upper(exports_tasks_own_blob_t text, exports_tasks_own_blob_t *ret, task_string_t *err) {
  taskhost::Blob blob(text);
  if (blob.length() == 0)
    return taskhost::fail(err, "nothing there");
  taskhost::BlobWriter writer;
  std::vector<std::uint8_t> buffer(1000);
  auto reader = blob.reader();
  for (auto piece = reader.read(buffer); !piece.empty(); piece = reader.read(buffer)) {
    for (auto &byte : piece)
      if (byte >= 'a' && byte <= 'z')
        byte += 'A' - 'a';
    if (reader.at() == 5000)
      return taskhost::fail(err, "given up at ", reader.at());
    writer.write(piece);
  }
  writer.write("!");
  *ret = writer.finish().release();
  return true;
}

std::uint64_t exports_tasks_lines(exports_tasks_borrow_blob_t text) {
  auto bytes = taskhost::load(text);
  return static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
}

// ---- The tests

static void what_a_task_says_is_heard() {
  testing_reset();
  task_string_t name = testing_string("Ada");
  exports_tasks_report_t report;
  task_string_t error;
  assert(exports_tasks_say(&name, &report, &error));
  assert(taskhost::view(report.text) == "flow-run/task/task-run");
  auto numbers = taskhost::view(report.numbers);
  assert(numbers.size() == 3 && std::accumulate(numbers.begin(), numbers.end(), 0u) == 6);
  assert(taskhost::view(report.note)->len == 0 && !taskhost::view(report.count));
  const char *lines[] = {"trace 1", "debug two!", "info Ada Ada", "warn 4.5 true", ""};
  assert(testing_log_count() == 5);
  for (std::size_t i = 0; i < 5; i++)
    assert(testing_log(i).level == i && std::string_view(testing_log(i).text) == lines[i]);
  assert(testing_progress().reports == 2 && std::string_view(testing_progress().message) == "done");
  exports_tasks_report_free(&report);
  task_string_free(&name);
}

static void a_task_that_fails_says_why() {
  task_string_t name = testing_string("");
  exports_tasks_report_t report;
  task_string_t error;
  assert(!exports_tasks_say(&name, &report, &error) && taskhost::view(error) == "no name in 0 bytes");
  task_string_free(&error);
}

static void blobs_come_and_go() {
  testing_reset();
  std::string text(70001, 'a');
  text[7] = '\n';
  exports_tasks_own_blob_t upper;
  task_string_t error;
  assert(!exports_tasks_upper(testing_blob(text.data(), text.size()), &upper, &error));
  assert(taskhost::view(error) == "given up at 5000" && testing_handles() == 0);
  task_string_free(&error);
  text.resize(4999);
  assert(exports_tasks_upper(testing_blob(text.data(), text.size()), &upper, &error));
  taskhost::Blob made(upper);
  auto bytes = made.load();
  assert(bytes.size() == 5000 && bytes.front() == 'A' && bytes.back() == '!');
  assert(exports_tasks_lines(made.borrow()) == 1);
  auto reader = made.reader();
  reader.seek(4998);
  std::uint8_t rest[10];
  assert(reader.read(rest).size() == 2 && rest[1] == '!');
  taskhost::Blob moved(std::move(made));
  assert(testing_handles() == 1 && moved.length() == 5000);
  moved = taskhost::BlobWriter().finish();
  assert(testing_handles() == 1 && moved.length() == 0);
}

int main() {
  what_a_task_says_is_heard();
  a_task_that_fails_says_why();
  blobs_come_and_go();
  assert(testing_handles() == 0);
  testing_reset();
  std::puts("task.hpp: ok");
}
