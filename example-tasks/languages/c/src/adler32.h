/// Adler-32 as in zlib (RFC 1950).

#ifndef ADLER32_H
#define ADLER32_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t a;
  uint32_t b;
} adler32_t;

void adler32_begin(adler32_t *adler);
void adler32_add(adler32_t *adler, const uint8_t *bytes, size_t length);
uint32_t adler32_end(const adler32_t *adler);

#endif
