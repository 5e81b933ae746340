/*
 * spool_segment.h -- one segment file of the spool.  Internal to spool*.c.
 *
 * Little-endian.  The file starts with two equal copies of its header, so that one damaged byte
 * does not cost the segment:
 *
 *     u64 magic  u64 number  u32 salt  u32 CRC-32 of the 20 bytes before
 *
 * then records:
 *
 *     u32 magic  u32 payload bytes  u32 source  i64 arrival  u16 topic bytes  u8 flags (1:
 * retained) u8 zero  u32 CRC of topic and payload  u32 CRC of the 28 bytes before  topic  payload
 *
 * Records' checksums start from the segment's random salt: a payload that looks like a record is
 * never taken for one when the reader searches past damage.  No size in a file is trusted.
 */
#ifndef MW_IO_SPOOL_SEGMENT_H
#define MW_IO_SPOOL_SEGMENT_H

#include "gateway/io/spool.h"

#define MW_SEGMENT_HEADER 48
#define MW_RECORD_HEADER  32
#define MW_SEGMENT_NAME   32 /* bytes of a file's name with NUL */

struct mw_segment {
	int fd; /* owned; -1: none */
	uint64_t number;
	uint32_t salt;
};

/* Where a record's bytes are read to; zero-initialise, free data. */
struct mw_segment_buffer {
	uint8_t *data;
	size_t room;
};

/* "000000000000002a.seg", and back; false: another kind of file. */
void mw_segment_name(uint64_t number, char ret_name[MW_SEGMENT_NAME]);
bool mw_segment_number(const char *name, uint64_t *ret_number);

/* A new file in the directory; it must not exist. */
MW_MUST_CHECK mw_err mw_segment_create(int dir_fd, uint64_t number, struct mw_segment *ret_segment);
/* MW_E_CORRUPT: both headers are damaged, or the file is gone; MW_E_IO: not now. */
MW_MUST_CHECK mw_err mw_segment_open(int dir_fd, uint64_t number, struct mw_segment *ret_segment);
void mw_segment_close(struct mw_segment *segment);

/* Bytes that a record takes. */
uint64_t mw_record_bytes(const struct mw_spool_record *record);
/* Writes a record at the offset; on failure the file is cut back to the offset. */
MW_MUST_CHECK mw_err mw_segment_write(const struct mw_segment *segment, uint64_t offset,
				      const struct mw_spool_record *record);
/* The record at the offset of a segment that ends at `end`; topic and payload lie in buffer until
 * the next read.  MW_E_CORRUPT: no intact record there. */
MW_MUST_CHECK mw_err mw_segment_read(const struct mw_segment *segment, uint64_t offset,
				     uint64_t end, struct mw_segment_buffer *buffer,
				     struct mw_spool_record *ret_record);
/* The offset of the first intact record from `offset` on; `end` when there is none. */
uint64_t mw_segment_resync(const struct mw_segment *segment, uint64_t offset, uint64_t end,
			   struct mw_segment_buffer *buffer);

#endif
