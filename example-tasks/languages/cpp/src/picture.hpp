/// A picture in memory, and the filters that make another one of it.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  /// 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGB and alpha.
  std::uint32_t channels = 0;
  /// Row by row, pixel by pixel.
  std::vector<std::uint8_t> bytes;

  bool has_alpha() const { return channels == 2 || channels == 4; }
};

/// Mean of all bytes but alpha.
double brightness(const Picture &picture);

/// Each pixel becomes a mean of those around it, weighted by a bell (a Gauss of which `radius` is twice the deviation).
Picture blurred(const Picture &picture, std::uint32_t radius);

/// How much each pixel differs from its neighbours (Sobel), in grey.
Picture edges_of(const Picture &picture);
