/*
 * pack.h -- bounded little-endian writing and reading, for every state that goes to the store.
 *
 * A writer grows as needed and remembers the first failure, so that a sequence of puts is checked
 * once, at the end.  A reader never leaves its bytes: past the end every get returns zeros and the
 * reader stays failed, so that a sequence of gets is checked once, too.  Doubles travel as their
 * bits.  Any thread; no globals.
 */
#ifndef MW_BASE_PACK_H
#define MW_BASE_PACK_H

#include "gateway/base/err.h"

struct mw_writer {
	uint8_t *data; /* owned */
	size_t size, capacity;
	bool failed;
};

/* Zero-initialise a writer, put, then finish. */
void mw_put_bytes(struct mw_writer *writer, const void *bytes, size_t size);
void mw_put_u8(struct mw_writer *writer, uint8_t value);
void mw_put_u16(struct mw_writer *writer, uint16_t value);
void mw_put_u32(struct mw_writer *writer, uint32_t value);
void mw_put_u64(struct mw_writer *writer, uint64_t value);
void mw_put_i64(struct mw_writer *writer, int64_t value);
void mw_put_f32(struct mw_writer *writer, float value);
void mw_put_f64(struct mw_writer *writer, double value);
/* u16 length and the bytes, without NUL; longer than 65535 fails. */
void mw_put_text(struct mw_writer *writer, const char *text);

/* Hands over the bytes (returns owned: free) or says MW_E_NOMEM; the writer is empty afterwards. */
MW_MUST_CHECK mw_err mw_writer_finish(struct mw_writer *writer, uint8_t **ret_data,
				      size_t *ret_size);

struct mw_reader {
	const uint8_t *data; /* borrowed */
	size_t size, at;
	bool failed;
};

void mw_reader_init(struct mw_reader *reader, const void *data, size_t size);
/* Lends the next bytes; NULL past the end. */
const uint8_t *mw_get_bytes(struct mw_reader *reader, size_t size);
uint8_t mw_get_u8(struct mw_reader *reader);
uint16_t mw_get_u16(struct mw_reader *reader);
uint32_t mw_get_u32(struct mw_reader *reader);
uint64_t mw_get_u64(struct mw_reader *reader);
int64_t mw_get_i64(struct mw_reader *reader);
float mw_get_f32(struct mw_reader *reader);
double mw_get_f64(struct mw_reader *reader);
/* Into text[size], NUL-terminated; a longer text or one that holds a NUL fails. */
void mw_get_text(struct mw_reader *reader, char *text, size_t size);
/* Everything was read and nothing was missing. */
bool mw_reader_is_done(const struct mw_reader *reader);

#endif
