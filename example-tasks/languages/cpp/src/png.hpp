/// Pictures as PNG files (ISO/IEC 15948): those with 8 bits for each of grey, RGB and alpha, without interlace.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "picture.hpp"

/// Why bytes are not a picture, for people.
struct PngError {
  std::string message;
};

std::variant<Picture, PngError> read_png(std::span<const std::uint8_t> file);

std::vector<std::uint8_t> write_png(const Picture &picture);
