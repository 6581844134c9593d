#include "adler32.h"

#define MODULUS 65521
/// So many bytes can be added before `b` could overflow.
#define RUN_BYTES_MAX 5552

void adler32_begin(adler32_t *adler) {
  *adler = (adler32_t){.a = 1, .b = 0};
}

void adler32_add(adler32_t *adler, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    size_t run = length < RUN_BYTES_MAX ? length : RUN_BYTES_MAX;
    for (size_t i = 0; i < run; i++) {
      adler->a += bytes[i];
      adler->b += adler->a;
    }
    adler->a %= MODULUS;
    adler->b %= MODULUS;
    bytes += run;
    length -= run;
  }
}

uint32_t adler32_end(const adler32_t *adler) {
  return adler->b << 16 | adler->a;
}
