#include "zlib.hpp"

#include <algorithm>
#include <array>

namespace {

/// A length or distance is a first number and some bits to add to it. Lengths are the symbols from 257 on.
constexpr std::array<std::uint16_t, 29> length_first = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                        31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> length_bits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> distance_first = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                                          193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<std::uint8_t, 30> distance_bits = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                        6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

constexpr std::size_t match_bytes_min = 3;
constexpr std::size_t match_bytes_max = 258;
constexpr std::size_t distance_max = 32768;
constexpr unsigned code_bits_max = 15;

std::uint32_t adler32(std::span<const std::uint8_t> bytes) {
  std::uint32_t a = 1, b = 0;
  for (std::uint8_t byte : bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

/// The code lengths of blocks that bring none of their own.
std::vector<std::uint8_t> fixed_lengths() {
  std::vector<std::uint8_t> lengths(288, 8);
  std::fill(lengths.begin() + 144, lengths.begin() + 256, std::uint8_t{9});
  std::fill(lengths.begin() + 256, lengths.begin() + 280, std::uint8_t{7});
  return lengths;
}

// ---- Unpacking

/// Bits of bytes, the lowest first. Past the end they are 0, and `is_over` tells.
class BitReader {
public:
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes(bytes) {}

  std::uint32_t bit() {
    std::uint32_t bit = at / 8 < bytes.size() ? bytes[at / 8] >> (at % 8) & 1 : 0;
    at++;
    return bit;
  }

  std::uint32_t take(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
      value |= bit() << i;
    return value;
  }

  /// The rest of a byte is skipped, then whole bytes are taken; none if so many are not there.
  std::optional<std::span<const std::uint8_t>> take_bytes(std::size_t count) {
    std::size_t begin = (at + 7) / 8;
    if (begin > bytes.size() || count > bytes.size() - begin)
      return {};
    at = (begin + count) * 8;
    return bytes.subspan(begin, count);
  }

  bool is_over() const { return at > bytes.size() * 8; }

private:
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;
};

/// A canonical Huffman code: symbols in the order of their codes, and how many codes have each length.
class Code {
public:
  explicit Code(std::span<const std::uint8_t> lengths) {
    for (std::uint8_t length : lengths)
      counts[length]++;
    counts[0] = 0;
    for (unsigned length = 1; length <= code_bits_max; length++)
      for (std::size_t symbol = 0; symbol < lengths.size(); symbol++)
        if (lengths[symbol] == length)
          symbols.push_back(static_cast<std::uint16_t>(symbol));
  }

  std::optional<std::uint16_t> read(BitReader &bits) const {
    // `code - first` counts the codes of this length; the ones before it stand at `index` and before.
    std::uint32_t code = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= code_bits_max; length++) {
      code = code << 1 | bits.bit();
      first <<= 1;
      if (code >= first && code - first < counts[length])
        return symbols[index + code - first];
      index += counts[length];
      first += counts[length];
    }
    return {};
  }

private:
  std::array<std::uint32_t, code_bits_max + 1> counts{};
  std::vector<std::uint16_t> symbols;
};

/// The two codes of a block: for bytes and lengths, and for distances.
struct Codes {
  Code bytes;
  Code distances;
};

std::optional<Codes> read_codes(BitReader &bits) {
  std::size_t byte_count = bits.take(5) + 257, distance_count = bits.take(5) + 1, length_count = bits.take(4) + 4;
  constexpr std::array<std::uint8_t, 19> order = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  std::array<std::uint8_t, 19> length_lengths{};
  for (std::size_t i = 0; i < length_count; i++)
    length_lengths[order[i]] = static_cast<std::uint8_t>(bits.take(3));
  Code lengths_code(length_lengths);
  std::vector<std::uint8_t> lengths;
  while (lengths.size() < byte_count + distance_count) {
    auto symbol = lengths_code.read(bits);
    if (!symbol || (*symbol == 16 && lengths.empty()))
      return {};
    switch (*symbol) {
    case 16: lengths.insert(lengths.end(), 3 + bits.take(2), std::uint8_t{lengths.back()}); break;
    case 17: lengths.insert(lengths.end(), 3 + bits.take(3), std::uint8_t{0}); break;
    case 18: lengths.insert(lengths.end(), 11 + bits.take(7), std::uint8_t{0}); break;
    default: lengths.push_back(static_cast<std::uint8_t>(*symbol));
    }
  }
  if (lengths.size() != byte_count + distance_count)
    return {};
  std::span all(lengths);
  return Codes{Code(all.first(byte_count)), Code(all.subspan(byte_count))};
}

/// Adds a block to `to`; false if it is damaged, or longer than `length`.
bool unpack_block(BitReader &bits, const Codes &codes, std::vector<std::uint8_t> &to, std::size_t length) {
  while (true) {
    auto symbol = codes.bytes.read(bits);
    if (!symbol || bits.is_over())
      return false;
    if (*symbol == 256)
      return true;
    if (*symbol < 256) {
      if (to.size() == length)
        return false;
      to.push_back(static_cast<std::uint8_t>(*symbol));
      continue;
    }
    std::size_t place = *symbol - 257;
    if (place >= length_first.size())
      return false;
    std::size_t count = length_first[place] + bits.take(length_bits[place]);
    auto far = codes.distances.read(bits);
    if (!far || *far >= distance_first.size())
      return false;
    std::size_t distance = distance_first[*far] + bits.take(distance_bits[*far]);
    if (distance > to.size() || count > length - to.size())
      return false;
    for (std::size_t i = 0; i < count; i++)
      to.push_back(to[to.size() - distance]);
  }
}

bool unpack_stored(BitReader &bits, std::vector<std::uint8_t> &to, std::size_t length) {
  auto header = bits.take_bytes(4);
  if (!header)
    return false;
  std::size_t count = (*header)[0] | (*header)[1] << 8, complement = (*header)[2] | (*header)[3] << 8;
  auto bytes = bits.take_bytes(count);
  if ((count ^ complement) != 0xFFFF || !bytes || count > length - to.size())
    return false;
  to.insert(to.end(), bytes->begin(), bytes->end());
  return true;
}

// ---- Packing

class BitWriter {
public:
  explicit BitWriter(std::vector<std::uint8_t> &to) : to(to) {}

  void put(std::uint32_t value, unsigned count) {
    waiting |= std::uint64_t{value} << waiting_bits;
    waiting_bits += count;
    for (; waiting_bits >= 8; waiting_bits -= 8, waiting >>= 8)
      to.push_back(static_cast<std::uint8_t>(waiting));
  }

  /// Codes begin with their highest bit, unlike all else.
  void put_code(std::uint32_t code, unsigned count) {
    std::uint32_t turned = 0;
    for (unsigned i = 0; i < count; i++)
      turned |= (code >> i & 1) << (count - 1 - i);
    put(turned, count);
  }

  /// A symbol in the fixed code of bytes and lengths.
  void put_symbol(std::uint32_t symbol) {
    if (symbol < 144)
      put_code(0x30 + symbol, 8);
    else if (symbol < 256)
      put_code(0x190 + symbol - 144, 9);
    else if (symbol < 280)
      put_code(symbol - 256, 7);
    else
      put_code(0xC0 + symbol - 280, 8);
  }

  void put_match(std::size_t length, std::size_t distance) {
    auto place = std::ranges::upper_bound(length_first, length) - length_first.begin() - 1;
    put_symbol(257 + static_cast<std::uint32_t>(place));
    put(static_cast<std::uint32_t>(length - length_first[place]), length_bits[place]);
    place = std::ranges::upper_bound(distance_first, distance) - distance_first.begin() - 1;
    put_code(static_cast<std::uint32_t>(place), 5);
    put(static_cast<std::uint32_t>(distance - distance_first[place]), distance_bits[place]);
  }

private:
  std::vector<std::uint8_t> &to;
  std::uint64_t waiting = 0;
  unsigned waiting_bits = 0;
};

/// Finds what was there before: for each hash of three bytes, the last place that had it, and for each place the one before.
class Matches {
public:
  explicit Matches(std::span<const std::uint8_t> bytes) : bytes(bytes), last(hashes, -1), before(bytes.size(), -1) {}

  struct Match {
    std::size_t length = 0;
    std::size_t distance = 0;
  };

  Match longest_at(std::size_t at) const {
    Match best;
    std::size_t most = std::min(bytes.size() - at, match_bytes_max);
    if (most < match_bytes_min)
      return best;
    auto candidate = last[hash(at)];
    for (int tries = 0; candidate >= 0 && at - candidate <= distance_max && tries < tries_max; tries++, candidate = before[candidate]) {
      std::size_t length = 0;
      while (length < most && bytes[candidate + length] == bytes[at + length])
        length++;
      if (length > best.length)
        best = {length, at - candidate};
    }
    return best;
  }

  void remember(std::size_t at) {
    if (bytes.size() - at < match_bytes_min)
      return;
    auto &newest = last[hash(at)];
    before[at] = newest;
    newest = static_cast<std::int32_t>(at);
  }

private:
  static constexpr std::size_t hashes = 1 << 15;
  static constexpr int tries_max = 32;

  std::size_t hash(std::size_t at) const {
    std::uint32_t three = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16;
    return three * 0x9E3779B1u >> 17;
  }

  std::span<const std::uint8_t> bytes;
  std::vector<std::int32_t> last;
  std::vector<std::int32_t> before;
};

} // namespace

std::optional<std::vector<std::uint8_t>> unpack(std::span<const std::uint8_t> packed, std::size_t length) {
  // Two bytes say how it was packed: by DEFLATE, without a dictionary.
  if (packed.size() < 6 || (packed[0] & 0xF) != 8 || (packed[0] * 256 + packed[1]) % 31 != 0 || (packed[1] & 0x20) != 0)
    return {};
  BitReader bits(packed.subspan(2));
  std::vector<std::uint8_t> bytes;
  bytes.reserve(length);
  for (bool is_last = false; !is_last;) {
    is_last = bits.take(1) == 1;
    bool is_right = false;
    switch (bits.take(2)) {
    case 0: is_right = unpack_stored(bits, bytes, length); break;
    case 1: is_right = unpack_block(bits, {Code(fixed_lengths()), Code(std::vector<std::uint8_t>(30, 5))}, bytes, length); break;
    case 2:
      if (auto codes = read_codes(bits))
        is_right = unpack_block(bits, *codes, bytes, length);
      break;
    }
    if (!is_right)
      return {};
  }
  auto sum = bits.take_bytes(4);
  if (!sum || bytes.size() != length)
    return {};
  std::uint32_t expected = std::uint32_t{(*sum)[0]} << 24 | (*sum)[1] << 16 | (*sum)[2] << 8 | (*sum)[3];
  if (expected != adler32(bytes))
    return {};
  return bytes;
}

std::vector<std::uint8_t> pack(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint8_t> packed = {0x78, 0x9C};
  BitWriter bits(packed);
  bits.put(1, 1);
  bits.put(1, 2);
  Matches matches(bytes);
  for (std::size_t at = 0; at < bytes.size();) {
    auto match = matches.longest_at(at);
    std::size_t length = 1;
    if (match.length >= match_bytes_min) {
      bits.put_match(match.length, match.distance);
      length = match.length;
    } else {
      bits.put_symbol(bytes[at]);
    }
    for (std::size_t end = at + length; at < end; at++)
      matches.remember(at);
  }
  bits.put_symbol(256);
  bits.put(0, 7);
  for (std::uint32_t sum = adler32(bytes), shift = 32; shift > 0; shift -= 8)
    packed.push_back(static_cast<std::uint8_t>(sum >> (shift - 8)));
  return packed;
}
