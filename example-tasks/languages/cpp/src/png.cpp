#include "png.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "zlib.hpp"

namespace {

constexpr std::array<std::uint8_t, 8> signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

/// Past this a picture is refused before memory is asked for: a few bytes of a file may claim any size.
constexpr std::uint64_t pixels_max = 100'000'000;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; byte++) {
    std::uint32_t state = byte;
    for (int bit = 0; bit < 8; bit++)
      state = (state >> 1) ^ (state & 1 ? 0xEDB88320 : 0);
    table[byte] = state;
  }
  return table;
}();

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t state = ~0u;
  for (std::uint8_t byte : bytes)
    state = (state >> 8) ^ crc_table[(state ^ byte) & 0xFF];
  return ~state;
}

std::uint32_t number(std::span<const std::uint8_t> bytes) {
  return std::uint32_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

void add_number(std::vector<std::uint8_t> &to, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8)
    to.push_back(static_cast<std::uint8_t>(number >> shift));
}

/// A part of the file: four letters and some bytes.
struct Chunk {
  std::string_view name;
  std::span<const std::uint8_t> bytes;
};

/// Takes a chunk off the front of `rest`; none if it is cut off or damaged.
std::optional<Chunk> next_chunk(std::span<const std::uint8_t> &rest) {
  if (rest.size() < 12)
    return {};
  std::size_t length = number(rest);
  if (length > rest.size() - 12)
    return {};
  auto checked = rest.subspan(4, 4 + length);
  if (crc32(checked) != number(rest.subspan(8 + length)))
    return {};
  rest = rest.subspan(12 + length);
  return Chunk{{reinterpret_cast<const char *>(checked.data()), 4}, checked.subspan(4)};
}

/// Reads the chunk IHDR into `picture`; says what it cannot be.
std::optional<std::string> read_header(std::span<const std::uint8_t> header, Picture &picture) {
  if (header.size() != 13)
    return "its header is damaged";
  picture.width = number(header);
  picture.height = number(header.subspan(4));
  std::uint8_t depth = header[8], colours = header[9], interlace = header[12];
  if (picture.width == 0 || picture.height == 0 || std::uint64_t{picture.width} * picture.height > pixels_max)
    return "its size is " + std::to_string(picture.width) + " x " + std::to_string(picture.height);
  if (colours == 3)
    return "it has a palette, which is not supported";
  if (depth != 8)
    return "it has " + std::to_string(depth) + " bits for each colour, not 8";
  if (interlace != 0)
    return "it is interlaced, which is not supported";
  switch (colours) {
  case 0: picture.channels = 1; return {};
  case 4: picture.channels = 2; return {};
  case 2: picture.channels = 3; return {};
  case 6: picture.channels = 4; return {};
  default: return "its header is damaged";
  }
}

/// What a pixel is likely to be, from the ones to the left, above, and left above.
std::uint8_t paeth(int left, int above, int corner) {
  int guess = left + above - corner;
  int to_left = std::abs(guess - left), to_above = std::abs(guess - above), to_corner = std::abs(guess - corner);
  if (to_left <= to_above && to_left <= to_corner)
    return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_above <= to_corner ? above : corner);
}

std::uint8_t predicted(std::uint8_t filter, std::uint8_t left, std::uint8_t above, std::uint8_t corner) {
  switch (filter) {
  case 1: return left;
  case 2: return above;
  case 3: return static_cast<std::uint8_t>((left + above) / 2);
  case 4: return paeth(left, above, corner);
  default: return 0;
  }
}

/// A row of a picture with the bytes before and above it, which are 0 outside.
struct Row {
  const std::uint8_t *bytes;
  const std::uint8_t *above;
  std::size_t channels;

  std::uint8_t predict(std::uint8_t filter, std::size_t at) const {
    std::uint8_t left = at >= channels ? bytes[at - channels] : 0;
    std::uint8_t up = above != nullptr ? above[at] : 0;
    std::uint8_t corner = above != nullptr && at >= channels ? above[at - channels] : 0;
    return predicted(filter, left, up, corner);
  }
};

Row row_of(const Picture &picture, std::size_t index) {
  std::size_t length = std::size_t{picture.width} * picture.channels;
  const std::uint8_t *bytes = picture.bytes.data() + index * length;
  return {bytes, index > 0 ? bytes - length : nullptr, picture.channels};
}

} // namespace

std::variant<Picture, PngError> read_png(std::span<const std::uint8_t> file) {
  if (file.size() < signature.size() || !std::ranges::equal(file.first(signature.size()), signature))
    return PngError{"this is no PNG file"};
  auto rest = file.subspan(signature.size());
  Picture picture;
  std::vector<std::uint8_t> packed;
  for (bool is_first = true;; is_first = false) {
    auto chunk = next_chunk(rest);
    if (!chunk || is_first != (chunk->name == "IHDR"))
      return PngError{"the file is damaged or cut off"};
    if (chunk->name == "IHDR") {
      if (auto problem = read_header(chunk->bytes, picture))
        return PngError{*problem};
    } else if (chunk->name == "IDAT") {
      packed.insert(packed.end(), chunk->bytes.begin(), chunk->bytes.end());
    } else if (chunk->name == "IEND") {
      break;
    }
  }
  std::size_t row_bytes = std::size_t{picture.width} * picture.channels;
  auto rows = unpack(packed, (row_bytes + 1) * picture.height);
  if (!rows)
    return PngError{"its pixels are damaged or cut off"};
  picture.bytes.resize(row_bytes * picture.height);
  for (std::size_t index = 0; index < picture.height; index++) {
    std::span packed_row = std::span(*rows).subspan(index * (row_bytes + 1), row_bytes + 1);
    if (packed_row[0] > 4)
      return PngError{"its pixels are damaged"};
    Row row = row_of(picture, index);
    for (std::size_t at = 0; at < row_bytes; at++)
      picture.bytes[index * row_bytes + at] = static_cast<std::uint8_t>(packed_row[1 + at] + row.predict(packed_row[0], at));
  }
  return picture;
}

std::vector<std::uint8_t> write_png(const Picture &picture) {
  std::size_t row_bytes = std::size_t{picture.width} * picture.channels;
  std::vector<std::uint8_t> rows, best(row_bytes), tried(row_bytes);
  rows.reserve((row_bytes + 1) * picture.height);
  for (std::size_t index = 0; index < picture.height; index++) {
    Row row = row_of(picture, index);
    std::uint64_t least = UINT64_MAX;
    std::uint8_t best_filter = 0;
    // The filter that leaves the smallest numbers leaves what packs best, most of the time.
    for (std::uint8_t filter = 0; filter <= 4; filter++) {
      std::uint64_t sum = 0;
      for (std::size_t at = 0; at < row_bytes; at++) {
        tried[at] = static_cast<std::uint8_t>(row.bytes[at] - row.predict(filter, at));
        sum += static_cast<std::uint64_t>(std::abs(static_cast<std::int8_t>(tried[at])));
      }
      if (sum < least) {
        least = sum;
        best_filter = filter;
        best.swap(tried);
      }
    }
    rows.push_back(best_filter);
    rows.insert(rows.end(), best.begin(), best.end());
  }
  std::vector<std::uint8_t> file(signature.begin(), signature.end());
  auto add_chunk = [&](std::string_view name, std::span<const std::uint8_t> bytes) {
    add_number(file, static_cast<std::uint32_t>(bytes.size()));
    std::size_t begin = file.size();
    file.insert(file.end(), name.begin(), name.end());
    file.insert(file.end(), bytes.begin(), bytes.end());
    add_number(file, crc32(std::span(file).subspan(begin)));
  };
  constexpr std::array<std::uint8_t, 5> colours = {0, 0, 4, 2, 6};
  std::vector<std::uint8_t> header;
  add_number(header, picture.width);
  add_number(header, picture.height);
  header.insert(header.end(), {8, colours[picture.channels], 0, 0, 0});
  add_chunk("IHDR", header);
  add_chunk("IDAT", pack(rows));
  add_chunk("IEND", {});
  return file;
}
