/// Tests of the filters and of PNG, as an ordinary program: `make test`.

#undef NDEBUG
#include <cassert>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <taskhost/task.hpp>
#include <taskhost/testing.h>

#include "../src/png.hpp"
#include "../src/zlib.hpp"

using Bytes = std::vector<std::uint8_t>;

static Bytes landscape() {
  std::ifstream file("landscape.png", std::ios::binary);
  Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  assert(!bytes.empty());
  return bytes;
}

static std::string problem_of(const Bytes &file) {
  auto read = read_png(file);
  auto *error = std::get_if<PngError>(&read);
  return error != nullptr ? error->message : "none";
}

static void what_is_written_is_read_again() {
  std::mt19937 random(1);
  for (std::uint32_t channels = 1; channels <= 4; channels++)
    for (auto [width, height] : {std::pair{1u, 1u}, {1u, 40u}, {40u, 1u}, {37u, 23u}, {300u, 200u}})
      for (unsigned shades : {1u, 3u, 256u}) {
        Picture picture{width, height, channels, Bytes(std::size_t{width} * height * channels)};
        for (auto &byte : picture.bytes)
          byte = static_cast<std::uint8_t>(random() % shades);
        auto read = read_png(write_png(picture));
        auto &again = std::get<Picture>(read);
        assert(again.width == width && again.height == height && again.channels == channels && again.bytes == picture.bytes);
      }
}

static void any_bytes_are_packed_and_unpacked() {
  std::mt19937 random(2);
  for (std::size_t length : {0, 1, 2, 3, 257, 258, 259, 32767, 32768, 32769, 100000})
    for (unsigned shades : {1u, 2u, 256u}) {
      Bytes bytes(length);
      for (auto &byte : bytes)
        byte = static_cast<std::uint8_t>(random() % shades);
      Bytes packed = pack(bytes);
      assert(unpack(packed, length) == bytes);
      assert(!unpack(packed, length + 1) && (length == 0 || !unpack(packed, length - 1)));
      assert(shades > 1 || length < 1000 || packed.size() < length / 50);
    }
}

/// The sanitizers look on while it reads nonsense; most of it is told, and none of it does harm.
static void damaged_bytes_do_no_harm() {
  Bytes text;
  for (int i = 0; i < 2000; i++)
    for (char c : std::to_string(i * i))
      text.push_back(static_cast<std::uint8_t>(c));
  Bytes packed = pack(text);
  std::mt19937 random(3);
  unsigned told = 0, tries = 3000;
  for (unsigned i = 0; i < tries; i++) {
    Bytes damaged = packed;
    for (unsigned n = 0; n <= i % 3; n++)
      damaged[2 + random() % (damaged.size() - 2)] ^= static_cast<std::uint8_t>(1u << random() % 8);
    if (i % 5 == 0)
      damaged.resize(random() % damaged.size());
    // The kind of the first block, too.
    if (i % 7 == 0)
      damaged[std::min<std::size_t>(2, damaged.size() - 1)] = static_cast<std::uint8_t>(random());
    auto unpacked = unpack(damaged, text.size());
    told += !unpacked || *unpacked != text;
  }
  assert(told > tries * 9 / 10);
}

static void files_that_cannot_be_read_say_why() {
  Bytes good = landscape();
  assert(problem_of(good) == "none");
  assert(problem_of({}) == "this is no PNG file" && problem_of(Bytes(100, 'x')) == "this is no PNG file");
  for (std::size_t length : {8, 20, 33, 40, 1000})
    assert(problem_of(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length))) == "the file is damaged or cut off");
  Bytes damaged = good;
  damaged[500] ^= 1;
  assert(problem_of(damaged) == "the file is damaged or cut off");
}

static void a_blur_keeps_what_is_flat_and_spreads_a_point() {
  Picture flat{9, 7, 2, Bytes(9 * 7 * 2, 200)};
  assert(blurred(flat, 5).bytes == flat.bytes);
  Picture point{21, 21, 1, Bytes(21 * 21)};
  point.bytes[10 * 21 + 10] = 255;
  Picture spread = blurred(point, 3);
  auto at = [&](int x, int y) { return spread.bytes[static_cast<std::size_t>(y * 21 + x)]; };
  assert(at(10, 10) > at(11, 10) && at(11, 10) > at(12, 10) && at(14, 10) == 0);
  assert(at(8, 10) == at(12, 10) && at(10, 8) == at(10, 12) && at(8, 10) == at(10, 8));
}

static void edges_are_where_neighbours_differ() {
  Picture half{10, 4, 3, Bytes(10 * 4 * 3)};
  for (std::size_t y = 0; y < 4; y++)
    for (std::size_t x = 5; x < 10; x++)
      for (std::size_t c = 0; c < 3; c++)
        half.bytes[(y * 10 + x) * 3 + c] = 255;
  Picture edges = edges_of(half);
  assert(edges.channels == 1);
  for (std::size_t i = 0; i < edges.bytes.size(); i++)
    assert(edges.bytes[i] == (i % 10 == 4 || i % 10 == 5 ? 255 : 0));
}

static void the_tasks_read_and_write_blobs() {
  testing_reset();
  Bytes file = landscape();
  task_blob_t png = testing_blob(file.data(), file.size());
  task_blob_ref_t lent = taskhost_task_blobs_borrow_blob(png);
  task_string_t error;
  exports_tasks_picture_t described;
  assert(exports_tasks_describe(lent, &described, &error));
  assert(described.width == 320 && described.height == 200 && described.channels == 3);
  exports_tasks_own_blob_t made;
  assert(exports_tasks_edges(lent, &made, &error));
  assert(exports_tasks_describe(taskhost_task_blobs_borrow_blob(made), &described, &error) && described.channels == 1);
  assert(testing_logged("320 x 200 pixels in "));
  assert(!exports_tasks_blur(lent, 0, &made, &error));
  assert(taskhost::view(error) == "a radius is 1 to 100 pixels, not 0");
  task_string_free(&error);
  task_blob_t text = testing_blob("no picture", 10);
  assert(!exports_tasks_blur(taskhost_task_blobs_borrow_blob(text), 3, &made, &error));
  assert(taskhost::view(error) == "this is no PNG file");
  task_string_free(&error);
}

int main() {
  what_is_written_is_read_again();
  any_bytes_are_packed_and_unpacked();
  damaged_bytes_do_no_harm();
  files_that_cannot_be_read_say_why();
  a_blur_keeps_what_is_flat_and_spreads_a_point();
  edges_are_where_neighbours_differ();
  the_tasks_read_and_write_blobs();
  testing_reset();
  std::puts("7 passed, 0 failed");
}
