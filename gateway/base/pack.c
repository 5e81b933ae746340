#include "gateway/base/pack.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(struct mw_writer *writer, size_t more)
{
	size_t capacity = writer->capacity ? writer->capacity : 256;
	uint8_t *data;

	if (writer->failed || more > SIZE_MAX / 4 - writer->size)
		return false;
	while (capacity < writer->size + more)
		capacity *= 2;
	if (capacity == writer->capacity)
		return true;
	data = realloc(writer->data, capacity);
	if (!data)
		return false;
	writer->data = data;
	writer->capacity = capacity;
	return true;
}

void mw_put_bytes(struct mw_writer *writer, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	if (!reserve(writer, size)) {
		writer->failed = true;
		return;
	}
	memcpy(writer->data + writer->size, bytes, size);
	writer->size += size;
}

static void put_little(struct mw_writer *writer, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	mw_put_bytes(writer, bytes, size);
}

void mw_put_u8(struct mw_writer *writer, uint8_t value)
{
	put_little(writer, value, 1);
}

void mw_put_u16(struct mw_writer *writer, uint16_t value)
{
	put_little(writer, value, 2);
}

void mw_put_u32(struct mw_writer *writer, uint32_t value)
{
	put_little(writer, value, 4);
}

void mw_put_u64(struct mw_writer *writer, uint64_t value)
{
	put_little(writer, value, 8);
}

void mw_put_i64(struct mw_writer *writer, int64_t value)
{
	put_little(writer, (uint64_t)value, 8);
}

void mw_put_f32(struct mw_writer *writer, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_little(writer, bits, 4);
}

void mw_put_f64(struct mw_writer *writer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put_little(writer, bits, 8);
}

void mw_put_text(struct mw_writer *writer, const char *text)
{
	size_t size = strlen(text);

	if (size > UINT16_MAX) {
		writer->failed = true;
		return;
	}
	mw_put_u16(writer, (uint16_t)size);
	mw_put_bytes(writer, text, size);
}

mw_err mw_writer_finish(struct mw_writer *writer, uint8_t **ret_data, size_t *ret_size)
{
	struct mw_writer done = *writer;

	memset(writer, 0, sizeof(*writer));
	if (done.failed || !done.data) {
		free(done.data);
		return MW_E_NOMEM;
	}
	*ret_data = done.data;
	*ret_size = done.size;
	return MW_E_OK;
}

void mw_reader_init(struct mw_reader *reader, const void *data, size_t size)
{
	*reader = (struct mw_reader){.data = data, .size = size};
}

const uint8_t *mw_get_bytes(struct mw_reader *reader, size_t size)
{
	const uint8_t *bytes = reader->data;

	if (reader->failed || size > reader->size - reader->at) {
		reader->failed = true;
		return NULL;
	}
	bytes += reader->at;
	reader->at += size;
	return bytes;
}

static uint64_t get_little(struct mw_reader *reader, size_t size)
{
	const uint8_t *bytes = mw_get_bytes(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; bytes && i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint8_t mw_get_u8(struct mw_reader *reader)
{
	return (uint8_t)get_little(reader, 1);
}

uint16_t mw_get_u16(struct mw_reader *reader)
{
	return (uint16_t)get_little(reader, 2);
}

uint32_t mw_get_u32(struct mw_reader *reader)
{
	return (uint32_t)get_little(reader, 4);
}

uint64_t mw_get_u64(struct mw_reader *reader)
{
	return get_little(reader, 8);
}

int64_t mw_get_i64(struct mw_reader *reader)
{
	return (int64_t)get_little(reader, 8);
}

float mw_get_f32(struct mw_reader *reader)
{
	uint32_t bits = mw_get_u32(reader);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

double mw_get_f64(struct mw_reader *reader)
{
	uint64_t bits = mw_get_u64(reader);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void mw_get_text(struct mw_reader *reader, char *text, size_t size)
{
	size_t length = mw_get_u16(reader);
	const uint8_t *bytes;

	text[0] = '\0';
	if (length >= size) {
		reader->failed = true;
		return;
	}
	bytes = mw_get_bytes(reader, length);
	if (!bytes || memchr(bytes, 0, length)) {
		reader->failed = true;
		return;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
}

bool mw_reader_is_done(const struct mw_reader *reader)
{
	return !reader->failed && reader->at == reader->size;
}
