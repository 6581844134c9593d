#include "crc32.h"

void crc32_begin(crc32_t *crc) {
  crc->state = UINT32_MAX;
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t state = byte;
    for (int bit = 0; bit < 8; bit++)
      state = (state >> 1) ^ (state & 1 ? 0xEDB88320 : 0);
    crc->table[0][byte] = state;
  }
  for (int k = 1; k < 8; k++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t state = crc->table[k - 1][byte];
      crc->table[k][byte] = (state >> 8) ^ crc->table[0][state & 0xFF];
    }
}

void crc32_add(crc32_t *crc, const uint8_t *bytes, size_t length) {
  uint32_t state = crc->state;
  // Eight bytes at a time, whose effects do not wait for each other.
  for (; length >= 8; bytes += 8, length -= 8) {
    state ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    state = crc->table[7][state & 0xFF] ^ crc->table[6][state >> 8 & 0xFF] ^ crc->table[5][state >> 16 & 0xFF] ^
            crc->table[4][state >> 24] ^ crc->table[3][bytes[4]] ^ crc->table[2][bytes[5]] ^ crc->table[1][bytes[6]] ^
            crc->table[0][bytes[7]];
  }
  for (; length > 0; bytes++, length--)
    state = (state >> 8) ^ crc->table[0][(state ^ *bytes) & 0xFF];
  crc->state = state;
}

uint32_t crc32_end(const crc32_t *crc) {
  return ~crc->state;
}
