/// Packed bytes, as in zlib (RFC 1950) and DEFLATE (RFC 1951).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// The bytes that were packed, exactly `length` of them; nothing if they are damaged.
std::optional<std::vector<std::uint8_t>> unpack(std::span<const std::uint8_t> packed, std::size_t length);

/// Packs bytes, with the fixed codes of DEFLATE.
std::vector<std::uint8_t> pack(std::span<const std::uint8_t> bytes);
