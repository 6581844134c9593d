/// CRC-32 as in zip files, PNG and Ethernet (reflected polynomial EDB88320).

#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  /// `table[k][byte]`: what a byte does to the checksum, `k` bytes later.
  uint32_t table[8][256];
  uint32_t state;
} crc32_t;

void crc32_begin(crc32_t *crc);
void crc32_add(crc32_t *crc, const uint8_t *bytes, size_t length);
uint32_t crc32_end(const crc32_t *crc);

#endif
