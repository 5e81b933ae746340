#include "gateway/io/spool_segment.h"

#include "gateway/base/crc32.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEGMENT_MAGIC 0x314c4f4f5053574dULL /* "MWSPOOL1" */
#define RECORD_MAGIC  0x4352574du           /* "MWRC" */
#define HEADER_COPY   (MW_SEGMENT_HEADER / 2)
#define FLAG_RETAINED 1u
#define SEARCH_BYTES  (64u << 10)

/* --- bytes ------------------------------------------------------------------------------------ */

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/* All of it, or false. */
static bool read_at(int fd, void *data, size_t size, uint64_t offset)
{
	uint8_t *at = data;

	while (size > 0) {
		ssize_t n = pread(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

static bool write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *at = data;

	while (size > 0) {
		ssize_t n = pwrite(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

/* --- files ------------------------------------------------------------------------------------ */

void mw_segment_name(uint64_t number, char ret_name[MW_SEGMENT_NAME])
{
	(void)snprintf(ret_name, MW_SEGMENT_NAME, "%016" PRIx64 ".seg", number);
}

bool mw_segment_number(const char *name, uint64_t *ret_number)
{
	char again[MW_SEGMENT_NAME];
	uint64_t number = strtoull(name, NULL, 16);

	mw_segment_name(number, again);
	if (strcmp(name, again) != 0 || number == 0 || number >= UINT64_MAX - 1)
		return false;
	*ret_number = number;
	return true;
}

static void encode_header(uint64_t number, uint32_t salt, uint8_t header[MW_SEGMENT_HEADER])
{
	put(header, SEGMENT_MAGIC, 8);
	put(header + 8, number, 8);
	put(header + 16, salt, 4);
	put(header + 20, mw_crc32(0, header, 20), 4);
	memcpy(header + HEADER_COPY, header, HEADER_COPY);
}

static bool decode_header(const uint8_t *header, uint64_t number, uint32_t *ret_salt)
{
	if (get(header, 8) != SEGMENT_MAGIC || get(header + 8, 8) != number ||
	    get(header + 20, 4) != mw_crc32(0, header, 20))
		return false;
	*ret_salt = (uint32_t)get(header + 16, 4);
	return true;
}

mw_err mw_segment_create(int dir_fd, uint64_t number, struct mw_segment *ret_segment)
{
	uint8_t header[MW_SEGMENT_HEADER];
	char name[MW_SEGMENT_NAME];
	uint32_t salt;
	int fd;

	if (getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return MW_E_IO;
	mw_segment_name(number, name);
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return MW_E_IO;
	encode_header(number, salt, header);
	if (!write_at(fd, header, sizeof(header), 0) || fsync(dir_fd) != 0) {
		(void)unlinkat(dir_fd, name, 0);
		(void)close(fd);
		return MW_E_IO;
	}
	*ret_segment = (struct mw_segment){fd, number, salt};
	return MW_E_OK;
}

mw_err mw_segment_open(int dir_fd, uint64_t number, struct mw_segment *ret_segment)
{
	uint8_t header[MW_SEGMENT_HEADER];
	char name[MW_SEGMENT_NAME];
	uint32_t salt;
	int fd;

	mw_segment_name(number, name);
	fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? MW_E_CORRUPT : MW_E_IO;
	if (!read_at(fd, header, sizeof(header), 0) ||
	    (!decode_header(header, number, &salt) &&
	     !decode_header(header + HEADER_COPY, number, &salt))) {
		(void)close(fd);
		return MW_E_CORRUPT;
	}
	*ret_segment = (struct mw_segment){fd, number, salt};
	return MW_E_OK;
}

void mw_segment_close(struct mw_segment *segment)
{
	if (segment->fd >= 0)
		(void)close(segment->fd);
	segment->fd = -1;
}

/* --- records ---------------------------------------------------------------------------------- */

uint64_t mw_record_bytes(const struct mw_spool_record *record)
{
	return MW_RECORD_HEADER + (uint64_t)record->topic.len + record->size;
}

static void encode_record(const struct mw_segment *segment, const struct mw_spool_record *record,
			  uint8_t header[MW_RECORD_HEADER])
{
	uint32_t body = mw_crc32(segment->salt, record->topic.ptr, record->topic.len);

	put(header, RECORD_MAGIC, 4);
	put(header + 4, record->size, 4);
	put(header + 8, record->source, 4);
	put(header + 12, (uint64_t)record->arrival_ns, 8);
	put(header + 20, record->topic.len, 2);
	put(header + 22, record->retained ? FLAG_RETAINED : 0, 2);
	put(header + 24, mw_crc32(body, record->payload, record->size), 4);
	put(header + 28, mw_crc32(segment->salt, header, 28), 4);
}

mw_err mw_segment_write(const struct mw_segment *segment, uint64_t offset,
			const struct mw_spool_record *record)
{
	uint8_t header[MW_RECORD_HEADER];
	/* iovec has no const, but pwritev only reads */
	const struct iovec part[] = {{header, sizeof(header)},
				     {(void *)(uintptr_t)record->topic.ptr, record->topic.len},
				     {(void *)(uintptr_t)record->payload, record->size}};
	ssize_t want = (ssize_t)mw_record_bytes(record);
	ssize_t n;

	encode_record(segment, record, header);
	do
		n = pwritev(segment->fd, part, 3, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n == want)
		return MW_E_OK;
	if (ftruncate(segment->fd, (off_t)offset) != 0)
		return MW_E_IO; /* what is left is beyond the end; the next append writes over it */
	return MW_E_IO;
}

static bool make_room(struct mw_segment_buffer *buffer, size_t size)
{
	uint8_t *grown;

	if (size <= buffer->room)
		return true;
	grown = realloc(buffer->data, size);
	if (!grown)
		return false;
	buffer->data = grown;
	buffer->room = size;
	return true;
}

/* The intact header at the offset, or false.  Its sizes lie inside the segment. */
static bool read_header(const struct mw_segment *segment, uint64_t offset, uint64_t end,
			uint8_t header[MW_RECORD_HEADER])
{
	if (offset > end || end - offset < MW_RECORD_HEADER ||
	    !read_at(segment->fd, header, MW_RECORD_HEADER, offset))
		return false;
	return get(header, 4) == RECORD_MAGIC &&
	       get(header + 28, 4) == mw_crc32(segment->salt, header, 28) &&
	       get(header + 4, 4) + get(header + 20, 2) <= end - offset - MW_RECORD_HEADER;
}

mw_err mw_segment_read(const struct mw_segment *segment, uint64_t offset, uint64_t end,
		       struct mw_segment_buffer *buffer, struct mw_spool_record *ret_record)
{
	uint8_t header[MW_RECORD_HEADER];
	size_t topic, payload;

	if (!read_header(segment, offset, end, header))
		return MW_E_CORRUPT;
	payload = get(header + 4, 4);
	topic = get(header + 20, 2);
	if (!make_room(buffer, topic + payload + 1))
		return MW_E_NOMEM;
	if (!read_at(segment->fd, buffer->data, topic + payload, offset + MW_RECORD_HEADER) ||
	    get(header + 24, 4) != mw_crc32(segment->salt, buffer->data, topic + payload))
		return MW_E_CORRUPT;
	*ret_record = (struct mw_spool_record){
	    .arrival_ns = (int64_t)get(header + 12, 8),
	    .source = (uint32_t)get(header + 8, 4),
	    .retained = (header[22] & FLAG_RETAINED) != 0,
	    .topic = {(const char *)buffer->data, topic},
	    .payload = buffer->data + topic,
	    .size = payload,
	    .next = {segment->number, offset + MW_RECORD_HEADER + topic + payload},
	};
	return MW_E_OK;
}

/* The first intact header among the bytes read from `offset`; `size` when there is none. */
static size_t search(const struct mw_segment *segment, uint64_t offset, uint64_t end,
		     const uint8_t *bytes, size_t size)
{
	uint8_t header[MW_RECORD_HEADER];

	for (size_t i = 0; i + 4 <= size; i++)
		if (get(bytes + i, 4) == RECORD_MAGIC &&
		    read_header(segment, offset + i, end, header))
			return i;
	return size;
}

uint64_t mw_segment_resync(const struct mw_segment *segment, uint64_t offset, uint64_t end,
			   struct mw_segment_buffer *buffer)
{
	uint8_t *bytes = malloc(SEARCH_BYTES);
	struct mw_spool_record record;

	while (bytes && offset < end && end - offset >= MW_RECORD_HEADER) {
		size_t size = end - offset < SEARCH_BYTES ? (size_t)(end - offset) : SEARCH_BYTES;
		size_t found;

		if (!read_at(segment->fd, bytes, size, offset))
			break;
		found = search(segment, offset, end, bytes, size);
		if (found < size &&
		    mw_segment_read(segment, offset + found, end, buffer, &record) == MW_E_OK) {
			free(bytes);
			return offset + found;
		}
		/* a magic may straddle two pieces; a header with a damaged body is stepped over */
		offset += found < size ? found + 1 : size - 3;
	}
	free(bytes);
	return end;
}
