#include "picture.hpp"

#include <algorithm>
#include <cmath>

double brightness(const Picture &picture) {
  std::uint32_t colours = picture.channels - (picture.has_alpha() ? 1 : 0);
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < picture.bytes.size(); at += picture.channels)
    for (std::uint32_t c = 0; c < colours; c++)
      sum += picture.bytes[at + c];
  return static_cast<double>(sum) * picture.channels / colours / static_cast<double>(picture.bytes.size());
}

/// Weights of the pixels at distance 0, 1 … `radius`; with those of both sides they add up to 1.
static std::vector<float> bell(std::uint32_t radius) {
  std::vector<float> weights(radius + 1);
  double deviation = radius / 2.0, sum = 0;
  for (std::uint32_t distance = 0; distance <= radius; distance++) {
    double weight = std::exp(-0.5 * distance * distance / (deviation * deviation));
    weights[distance] = static_cast<float>(weight);
    sum += distance == 0 ? weight : 2 * weight;
  }
  for (float &weight : weights)
    weight /= static_cast<float>(sum);
  return weights;
}

/// Blurs along one line of pixels that lie `stride` bytes apart. At its ends the outermost pixels go on for ever.
static void blur_line(std::span<const std::uint8_t> from, std::span<std::uint8_t> to, std::size_t count, std::size_t stride,
                      std::span<const float> weights) {
  auto last = static_cast<std::ptrdiff_t>(count) - 1;
  for (std::ptrdiff_t at = 0; at <= last; at++) {
    float sum = weights[0] * from[at * stride];
    for (std::ptrdiff_t distance = 1; distance < std::ssize(weights); distance++) {
      auto before = std::max<std::ptrdiff_t>(at - distance, 0), behind = std::min(at + distance, last);
      sum += weights[distance] * static_cast<float>(from[before * stride] + from[behind * stride]);
    }
    to[at * stride] = static_cast<std::uint8_t>(std::lround(sum));
  }
}

// A bell in two dimensions is one along the rows of one along the columns.
Picture blurred(const Picture &picture, std::uint32_t radius) {
  std::vector<float> weights = bell(radius);
  Picture rows = picture, both = picture;
  std::size_t row_bytes = std::size_t{picture.width} * picture.channels;
  for (std::size_t row = 0; row < picture.height; row++)
    for (std::size_t c = 0; c < picture.channels; c++) {
      std::size_t at = row * row_bytes + c;
      blur_line(std::span(picture.bytes).subspan(at), std::span(rows.bytes).subspan(at), picture.width, picture.channels, weights);
    }
  for (std::size_t at = 0; at < row_bytes; at++)
    blur_line(std::span(rows.bytes).subspan(at), std::span(both.bytes).subspan(at), picture.height, row_bytes, weights);
  return both;
}

static std::vector<std::uint8_t> grey_of(const Picture &picture) {
  std::vector<std::uint8_t> grey;
  grey.reserve(std::size_t{picture.width} * picture.height);
  for (std::size_t at = 0; at < picture.bytes.size(); at += picture.channels) {
    const std::uint8_t *pixel = &picture.bytes[at];
    // How bright the eye finds red, green and blue (ITU-R BT.601).
    grey.push_back(picture.channels < 3 ? pixel[0]
                                        : static_cast<std::uint8_t>((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000));
  }
  return grey;
}

Picture edges_of(const Picture &picture) {
  std::vector<std::uint8_t> grey = grey_of(picture);
  auto width = static_cast<std::ptrdiff_t>(picture.width), height = static_cast<std::ptrdiff_t>(picture.height);
  auto pixel = [&](std::ptrdiff_t x, std::ptrdiff_t y) {
    return static_cast<int>(grey[std::clamp<std::ptrdiff_t>(y, 0, height - 1) * width + std::clamp<std::ptrdiff_t>(x, 0, width - 1)]);
  };
  Picture edges{picture.width, picture.height, 1, {}};
  edges.bytes.reserve(grey.size());
  for (std::ptrdiff_t y = 0; y < height; y++)
    for (std::ptrdiff_t x = 0; x < width; x++) {
      int right = pixel(x + 1, y - 1) + 2 * pixel(x + 1, y) + pixel(x + 1, y + 1);
      int left = pixel(x - 1, y - 1) + 2 * pixel(x - 1, y) + pixel(x - 1, y + 1);
      int below = pixel(x - 1, y + 1) + 2 * pixel(x, y + 1) + pixel(x + 1, y + 1);
      int above = pixel(x - 1, y - 1) + 2 * pixel(x, y - 1) + pixel(x + 1, y - 1);
      double slope = std::hypot(right - left, below - above);
      edges.bytes.push_back(static_cast<std::uint8_t>(std::min(255.0, std::round(slope))));
    }
  return edges;
}
