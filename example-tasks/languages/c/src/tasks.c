/// Checksums of blobs, which are read in pieces, so that a task of a few hundred KiB of memory checks gigabytes.

#include <stdlib.h>

#include <taskhost/task.h>

#include "adler32.h"
#include "crc32.h"
#include "sha256.h"

#define PIECE_BYTES ((size_t)256 << 10)

/// One pass over some bytes.
typedef struct {
  crc32_t crc;
  adler32_t adler;
  sha256_t sha;
} pass_t;

static void begin(pass_t *pass) {
  crc32_begin(&pass->crc);
  adler32_begin(&pass->adler);
  sha256_begin(&pass->sha);
}

static void add(pass_t *pass, const uint8_t *bytes, size_t length) {
  crc32_add(&pass->crc, bytes, length);
  adler32_add(&pass->adler, bytes, length);
  sha256_add(&pass->sha, bytes, length);
}

static void end(pass_t *pass, exports_tasks_checksums_t *ret) {
  char digits[65];
  ret->length = pass->sha.length;
  ret->crc32 = crc32_end(&pass->crc);
  ret->adler32 = adler32_end(&pass->adler);
  sha256_end(&pass->sha, digits);
  task_string_dup(&ret->sha256, digits);
}

void exports_tasks_checksum(exports_tasks_borrow_blob_t data, exports_tasks_checksums_t *ret) {
  static uint8_t piece[PIECE_BYTES];
  static pass_t pass;
  begin(&pass);
  task_blob_reader_t reader = task_blob_reader(data);
  uint32_t total = (uint32_t)(task_blob_length(data) / PIECE_BYTES);
  for (size_t length; (length = task_blob_read(&reader, piece, sizeof piece)) > 0;) {
    add(&pass, piece, length);
    task_progress((uint32_t)(reader.at / PIECE_BYTES), total, "reading");
  }
  end(&pass, ret);
  task_info("%llu bytes have SHA-256 %.*s", (unsigned long long)ret->length, TASK_STRING(ret->sha256));
}

void exports_tasks_checksum_bytes(task_list_u8_t *data, exports_tasks_checksums_t *ret) {
  static pass_t pass;
  begin(&pass);
  add(&pass, data->ptr, data->len);
  end(&pass, ret);
}

bool exports_tasks_verify(exports_tasks_own_blob_t data, task_string_t *sha256, exports_tasks_own_blob_t *ret, task_string_t *err) {
  exports_tasks_checksums_t found;
  exports_tasks_checksum(taskhost_task_blobs_borrow_blob(data), &found);
  bool is_equal = found.sha256.len == sha256->len;
  for (size_t i = 0; is_equal && i < sha256->len; i++) {
    // Digits may be given in upper case.
    uint8_t digit = sha256->ptr[i];
    is_equal = found.sha256.ptr[i] == (digit >= 'A' && digit <= 'F' ? digit + ('a' - 'A') : digit);
  }
  if (is_equal)
    *ret = data;
  else
    task_fail(err, "the SHA-256 is %.*s, not %.*s", TASK_STRING(found.sha256), TASK_STRING(*sha256));
  exports_tasks_checksums_free(&found);
  return is_equal;
}
