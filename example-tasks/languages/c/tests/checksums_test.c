/// Tests against known values: RFC 3720 and the catalogue of CRCs ("123456789"), RFC 1950, FIPS 180-4.

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <taskhost/testing.h>

typedef struct {
  const char *text;
  size_t times;
  uint32_t crc32;
  uint32_t adler32;
  const char *sha256;
} known_t;

static const known_t known[] = {
    {"", 1, 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, 0x352441c2, 0x024d0127, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"123456789", 1, 0xcbf43926, 0x091e01de, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, 0x171a3f5f, 0x807416f9,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 1000000, 0xdc25bfbc, 0x15d870f9, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static uint8_t *repeated(const known_t *of, size_t *length) {
  size_t once = strlen(of->text);
  uint8_t *bytes = malloc(once * of->times + 1);
  for (size_t i = 0; i < of->times; i++)
    memcpy(bytes + i * once, of->text, once);
  *length = once * of->times;
  return bytes;
}

static void check(const exports_tasks_checksums_t *found, const known_t *of, size_t length) {
  assert(found->length == length);
  assert(found->crc32 == of->crc32);
  assert(found->adler32 == of->adler32);
  assert(task_string_is(found->sha256, of->sha256));
}

static void bytes_and_blobs_have_the_known_checksums(void) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    testing_reset();
    size_t length;
    uint8_t *bytes = repeated(&known[i], &length);
    exports_tasks_checksums_t found;
    task_list_u8_t list = {.ptr = bytes, .len = length};
    exports_tasks_checksum_bytes(&list, &found);
    check(&found, &known[i], length);
    exports_tasks_checksums_free(&found);
    task_blob_t blob = testing_blob(bytes, length);
    exports_tasks_checksum(taskhost_task_blobs_borrow_blob(blob), &found);
    check(&found, &known[i], length);
    exports_tasks_checksums_free(&found);
    free(bytes);
  }
}

/// Where a block of SHA-256 ends, what is added at the end changes.
static void every_length_around_a_block_is_right(void) {
  // Of 54 to 66 times "x".
  static const char *digits[] = {
      "45f316e10b2c99abf374b22bda893cf3300d77263f1e272349ed414680522952",
      "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072",
      "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e",
      "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217",
      "5ef8b2e5e7a040f31df9cf316b81c92326c8db51ac29bb80d914ec9590d83e99",
      "6e20a1199bf58ddb8fadbe63725f1dd9de8440153af062ca56b70d99a22c306e",
      "42f2d97335669f86846b721a8aa58551a46564eaf6977e3b4836d4645e3e3ed2",
      "c508e75f24e25db94dff52c9564a51025f69510191cc7dc2cfe16a6cb4b29f53",
      "21210f9644c6fe6b4b76ed90bd48a9f88d1b20bd22f17f65b83e1b91d2a52c45",
      "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2",
      "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c",
      "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9",
      "6eb879f1291c6ee7d5c619d27c7b5c9c3318f58a76cab873d5e30263e50c924f",
  };
  uint8_t bytes[66];
  memset(bytes, 'x', sizeof bytes);
  for (size_t length = 54; length <= 66; length++) {
    task_list_u8_t list = {.ptr = bytes, .len = length};
    exports_tasks_checksums_t found;
    exports_tasks_checksum_bytes(&list, &found);
    assert(task_string_is(found.sha256, digits[length - 54]));
    exports_tasks_checksums_free(&found);
  }
}

static void a_blob_is_verified_or_told_apart(void) {
  testing_reset();
  exports_tasks_own_blob_t same;
  task_string_t error;
  task_string_t right = testing_string("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
  assert(exports_tasks_verify(testing_blob("abc", 3), &right, &same, &error));
  assert(testing_bytes(same).len == 3 && testing_handles() == 1);
  task_string_t wrong = testing_string("00ff");
  assert(!exports_tasks_verify(same, &wrong, &same, &error));
  assert(task_string_is(error, "the SHA-256 is ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, not 00ff"));
  task_string_free(&error);
  task_string_free(&right);
  task_string_free(&wrong);
}

int main(void) {
  bytes_and_blobs_have_the_known_checksums();
  every_length_around_a_block_is_right();
  a_blob_is_verified_or_told_apart();
  testing_reset();
  puts("3 passed, 0 failed");
}
