/// Write a taskhost task in C++.
///
/// The functions of the tasks are those that `bindings/task.h` declares, as in C ([`task.h`](task.h)); this header is short for
/// what they are made of. Inside, everything is C++: views of what came in, values of your own, and copies of what goes out.
///
///     #include <taskhost/task.hpp>
///
///     bool exports_tasks_greet(exports_tasks_person_t *person, exports_tasks_greeting_t *ret, task_string_t *err) {
///         std::string_view name = taskhost::view(person->name);
///         if (name.empty())
///             return taskhost::fail(err, "a person needs a name");
///         taskhost::info("greeting ", name);
///         ret->text = taskhost::give("Hello, " + std::string(name) + "!");
///         return true;
///     }
///
/// Three verbs for three kinds of ownership: `view` looks at an argument while the function runs, `give` makes the copy that
/// the caller will free, and the classes `Blob` and `BlobWriter` drop what nobody took. C++20; no exceptions are needed or thrown.

#ifndef TASKHOST_TASK_HPP
#define TASKHOST_TASK_HPP

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "taskhost/task.h"

// Shorter in C++ as functions of the namespace.
#undef task_trace
#undef task_debug
#undef task_info
#undef task_warn
#undef task_error

namespace taskhost {

// ---- Values that come in

/// The text of an argument.
inline std::string_view view(const task_string_t &string) {
  return {reinterpret_cast<const char *>(string.ptr), string.len};
}

/// A list of the bindings: `ptr` and `len`.
template <class List>
concept AnyList = requires(const List &list) {
  { *list.ptr };
  { list.len } -> std::convertible_to<std::size_t>;
} && !std::same_as<std::remove_cv_t<List>, task_string_t>;

/// The elements of a list: `for (const auto &row : taskhost::view(*rows))`.
template <AnyList List> auto view(const List &list) {
  return std::span(list.ptr, list.len);
}

/// An option of the bindings: `is_some` and `val`.
template <class Option>
concept AnyOption = requires(const Option &option) {
  { option.is_some } -> std::convertible_to<bool>;
  option.val;
};

/// The value of an option, as it is in the bindings.
template <AnyOption Option> auto view(const Option &option) {
  using Value = std::remove_cv_t<decltype(option.val)>;
  return option.is_some ? std::optional<Value>(option.val) : std::nullopt;
}

// ---- Values that go out

namespace detail {

inline void *allocate(std::size_t size) {
  void *memory = std::malloc(size);
  if (memory == nullptr)
    std::abort();
  return memory;
}

template <class Part> void add(std::string &text, const Part &part) {
  if constexpr (std::same_as<Part, task_string_t>) {
    text += view(part);
  } else if constexpr (std::same_as<Part, bool>) {
    text += part ? "true" : "false";
  } else if constexpr (std::same_as<Part, char>) {
    text += part;
  } else if constexpr (std::integral<Part> || std::floating_point<Part>) {
    char digits[64];
    auto [end, error] = std::to_chars(digits, digits + sizeof digits, part);
    text.append(digits, error == std::errc() ? end : digits);
  } else {
    text += std::string_view(part);
  }
}

} // namespace detail

/// The parts, one behind the other: texts, numbers, characters and booleans.
template <class... Parts> std::string text(const Parts &...parts) {
  std::string text;
  (detail::add(text, parts), ...);
  return text;
}

/// A copy of a text for a result. An empty one owns nothing.
inline task_string_t give(std::string_view text) {
  if (text.empty())
    return {nullptr, 0};
  auto *bytes = static_cast<std::uint8_t *>(detail::allocate(text.size()));
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

/// A copy of a list for a result, as `give_list<task_list_u32_t>(numbers)`. The elements are those of the bindings, so
/// texts in them have to be given too.
template <AnyList List, std::ranges::contiguous_range Elements> List give_list(const Elements &elements) {
  using Element = std::remove_pointer_t<decltype(List::ptr)>;
  static_assert(std::same_as<Element, std::ranges::range_value_t<Elements>>, "the elements are those of the list");
  std::size_t count = std::ranges::size(elements);
  if (count == 0)
    return {nullptr, 0};
  auto *copies = static_cast<Element *>(detail::allocate(count * sizeof(Element)));
  std::memcpy(static_cast<void *>(copies), std::ranges::data(elements), count * sizeof(Element));
  return {copies, count};
}

/// Makes `err` the message of these parts and gives false: `return taskhost::fail(err, "no row ", row);`.
template <class... Parts> bool fail(task_string_t *err, const Parts &...parts) {
  *err = give(text(parts...));
  return false;
}

/// Ends the task run at once, with the message of these parts as the reason: for what cannot be.
template <class... Parts> [[noreturn]] void abort(const Parts &...parts) {
  std::string message = text(parts...);
  task_abort("%.*s", static_cast<int>(message.size()), message.data());
}

// ---- The log, progress, context

/// Logs the message of these parts, if somebody keeps messages of `level`.
template <class... Parts> void log(taskhost_task_log_level_t level, const Parts &...parts) {
  if (!taskhost_task_log_enabled(level))
    return;
  std::string message = text(parts...);
  task_string_t lent{reinterpret_cast<std::uint8_t *>(message.data()), message.size()};
  taskhost_task_log_log(level, &lent);
}

/// Logs details for the author.
template <class... Parts> void trace(const Parts &...parts) { log(TASKHOST_TASK_LOG_LEVEL_TRACE, parts...); }
/// Logs details for whoever looks for a mistake.
template <class... Parts> void debug(const Parts &...parts) { log(TASKHOST_TASK_LOG_LEVEL_DEBUG, parts...); }
/// Logs what everybody may see.
template <class... Parts> void info(const Parts &...parts) { log(TASKHOST_TASK_LOG_LEVEL_INFO, parts...); }
/// Logs something to look at.
template <class... Parts> void warn(const Parts &...parts) { log(TASKHOST_TASK_LOG_LEVEL_WARN, parts...); }
/// Logs something that went wrong.
template <class... Parts> void error(const Parts &...parts) { log(TASKHOST_TASK_LOG_LEVEL_ERROR, parts...); }

/// Tells the host that `done` of `total` units are done; a `total` of 0 means that it is not known.
inline void progress(std::uint32_t done, std::uint32_t total, std::string_view message = {}) {
  task_string_t lent{reinterpret_cast<std::uint8_t *>(const_cast<char *>(message.data())), message.size()};
  taskhost_task_progress_report(done, total, &lent);
}

/// Which task run this is.
struct Context {
  std::string flow_run;
  std::string task;
  std::string task_run;
  std::uint32_t attempt;
  bool mapped;
  std::uint32_t map_index;
  double seconds_left;
};

inline Context context() {
  task_context_t given = task_context();
  Context context{std::string(view(given.flow_run)), std::string(view(given.task)), std::string(view(given.task_run)),
                  given.attempt, given.mapped, given.map_index, given.seconds_left};
  taskhost_task_context_context_free(&given);
  return context;
}

// ---- Bulk data

/// Reads a blob from its beginning to its end.
class BlobReader {
public:
  explicit BlobReader(task_blob_ref_t blob) : reader(task_blob_reader(blob)) {}

  /// Fills `bytes`, or what of it the rest of the blob fills; gives that part. Each call asks the host, so let it be some KiB.
  std::span<std::uint8_t> read(std::span<std::uint8_t> bytes) {
    return bytes.first(task_blob_read(&reader, bytes.data(), bytes.size()));
  }

  /// Where the next read begins, in bytes from the beginning.
  std::uint64_t at() const { return reader.at; }
  void seek(std::uint64_t at) { reader.at = at; }

private:
  task_blob_reader_t reader;
};

/// The number of bytes of a blob.
inline std::uint64_t length(task_blob_ref_t blob) { return task_blob_length(blob); }

/// All bytes of a blob.
inline std::vector<std::uint8_t> load(task_blob_ref_t blob) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(length(blob)));
  bytes.resize(BlobReader(blob).read(bytes).size());
  return bytes;
}

/// A blob that this object owns: made of a parameter `blob`, or by a `BlobWriter`. Dropped unless it is released.
class Blob {
public:
  explicit Blob(task_blob_t blob) : blob(blob) {}
  Blob(Blob &&other) noexcept : blob(other.release()) {}
  Blob &operator=(Blob &&other) noexcept {
    std::swap(blob, other.blob);
    return *this;
  }
  ~Blob() {
    if (blob.__handle != 0)
      taskhost_task_blobs_blob_drop_own(blob);
  }

  std::uint64_t length() const { return task_blob_length(borrow()); }
  std::vector<std::uint8_t> load() const { return taskhost::load(borrow()); }
  BlobReader reader() const { return BlobReader(borrow()); }
  task_blob_ref_t borrow() const { return taskhost_task_blobs_borrow_blob(blob); }

  /// Hands it over, to a result: `*ret = blob.release();`
  task_blob_t release() { return std::exchange(blob, task_blob_t{0}); }

private:
  task_blob_t blob;
};

/// Makes a blob; small writes are gathered. Dropped before it is finished, it leaves nothing behind.
class BlobWriter {
public:
  BlobWriter() : writer(task_blob_writer()) {}
  BlobWriter(const BlobWriter &) = delete;
  BlobWriter &operator=(const BlobWriter &) = delete;
  ~BlobWriter() {
    if (writer.writer.__handle != 0)
      task_blob_discard(&writer);
  }

  void write(std::span<const std::uint8_t> bytes) { task_blob_write(&writer, bytes.data(), bytes.size()); }
  void write(std::string_view text) { task_blob_write(&writer, text.data(), text.size()); }

  /// The blob of what was written: `*ret = writer.finish().release();`
  Blob finish() {
    Blob blob(task_blob_finish(&writer));
    writer.writer.__handle = 0;
    return blob;
  }

private:
  task_blob_writer_t writer;
};

} // namespace taskhost

#endif
