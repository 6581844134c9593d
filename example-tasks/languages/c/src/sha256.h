/// SHA-256 (FIPS 180-4).

#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t state[8];
  uint64_t length;
  /// Bytes that do not make a block yet: `length % 64` of them.
  uint8_t rest[64];
} sha256_t;

void sha256_begin(sha256_t *sha);
void sha256_add(sha256_t *sha, const uint8_t *bytes, size_t length);
/// 64 hexadecimal digits and a NUL.
void sha256_end(sha256_t *sha, char digits[65]);

#endif
