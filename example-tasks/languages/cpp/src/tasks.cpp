/// Filters for pictures: PNG in, PNG out.

#include <taskhost/task.hpp>

#include "png.hpp"

/// Reads a picture; without one, `err` says why.
static std::optional<Picture> read(task_blob_ref_t png, task_string_t *err) {
  auto read = read_png(taskhost::load(png));
  if (auto *error = std::get_if<PngError>(&read)) {
    taskhost::fail(err, error->message);
    return {};
  }
  return std::get<Picture>(std::move(read));
}

static exports_tasks_own_blob_t write(const Picture &picture) {
  taskhost::BlobWriter writer;
  std::vector<std::uint8_t> file = write_png(picture);
  writer.write(file);
  taskhost::info(picture.width, " x ", picture.height, " pixels in ", file.size(), " bytes");
  return writer.finish().release();
}

bool exports_tasks_describe(exports_tasks_borrow_blob_t png, exports_tasks_picture_t *ret, task_string_t *err) {
  auto picture = read(png, err);
  if (!picture)
    return false;
  *ret = {picture->width, picture->height, picture->channels, brightness(*picture)};
  return true;
}

bool exports_tasks_blur(exports_tasks_borrow_blob_t png, std::uint32_t radius, exports_tasks_own_blob_t *ret, task_string_t *err) {
  if (radius < 1 || radius > 100)
    return taskhost::fail(err, "a radius is 1 to 100 pixels, not ", radius);
  auto picture = read(png, err);
  if (!picture)
    return false;
  *ret = write(blurred(*picture, radius));
  return true;
}

bool exports_tasks_edges(exports_tasks_borrow_blob_t png, exports_tasks_own_blob_t *ret, task_string_t *err) {
  auto picture = read(png, err);
  if (!picture)
    return false;
  *ret = write(edges_of(*picture));
  return true;
}
