#include "model/engine/f16.h"
#include "model/engine/file.h"
#include "model/engine/hash.h"
#include "model/engine/weights.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIN_SIDE       32u
#define FILE_TYPE_Q8_0 7u /* general.file_type: mostly Q8_0 */

/* A file being written beside its target. */
struct target {
	const struct gguf *gguf;
	FILE *file;
	uint64_t at;  /* bytes written */
	long hash_at; /* where the check sum stands */
	struct lm_hash hash;
	bool failed;
};

static void put(struct target *out, const void *data, size_t n)
{
	if (n > 0 && fwrite(data, 1, n, out->file) != n)
		out->failed = true;
	out->at += n;
}

static void put_uint(struct target *out, uint64_t value, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	put(out, bytes, n);
}

static void put_string(struct target *out, struct gguf_string string)
{
	put_uint(out, string.size, 8);
	put(out, string.text, string.size);
}

static void put_padding(struct target *out)
{
	while (out->at % out->gguf->alignment && !out->failed)
		put_uint(out, 0, 1);
}

static void put_value(struct target *out, const struct gguf_value *value)
{
	static const char file_type[] = "general.file_type";
	bool is_type = value->key.size == sizeof(file_type) - 1 &&
		       memcmp(value->key.text, file_type, value->key.size) == 0;

	put_string(out, value->key);
	if (value->is_array) {
		put_uint(out, GGUF_ARRAY, 4);
		put_uint(out, (uint64_t)value->type, 4);
		put_uint(out, value->n, 8);
	} else if (is_type && value->type == GGUF_U32) {
		put_uint(out, GGUF_U32, 4);
		put_uint(out, FILE_TYPE_Q8_0, 4);
		return;
	} else {
		put_uint(out, (uint64_t)value->type, 4);
	}
	put(out, value->data, (size_t)(value->end - value->data));
}

static bool becomes_q8(const struct gguf_tensor *tensor)
{
	return tensor->n_dims == 2 && tensor->type != GGUF_W_Q8_0 && tensor->dim[1] >= MIN_SIDE &&
	       tensor->dim[0] >= MIN_SIDE && tensor->dim[0] % GGUF_Q8_BLOCK == 0;
}

static uint32_t target_type(const struct gguf_tensor *tensor)
{
	return becomes_q8(tensor) ? (uint32_t)GGUF_W_Q8_0 : tensor->type;
}

static uint64_t target_size(const struct gguf_tensor *tensor)
{
	return becomes_q8(tensor) ? tensor->dim[0] / GGUF_Q8_BLOCK * GGUF_Q8_BYTES * tensor->dim[1]
				  : tensor->size;
}

static bool is_hash(const struct gguf_value *value)
{
	return value->key.size == strlen(LM_HASH_KEY) &&
	       memcmp(value->key.text, LM_HASH_KEY, value->key.size) == 0;
}

/* The metadata, and at its end the check sum, which is not known yet. */
static void put_values(struct target *out)
{
	const struct gguf *gguf = out->gguf;

	for (size_t i = 0; i < gguf->n_values; i++)
		if (!is_hash(&gguf->values[i]))
			put_value(out, &gguf->values[i]);
	put_string(out, (struct gguf_string){LM_HASH_KEY, strlen(LM_HASH_KEY)});
	put_uint(out, GGUF_U64, 4);
	out->hash_at = (long)out->at;
	put_uint(out, 0, 8);
}

static void put_hash(struct target *out)
{
	uint64_t sum = lm_hash_end(&out->hash);

	if (fseek(out->file, out->hash_at, SEEK_SET) != 0)
		out->failed = true;
	put_uint(out, sum, 8);
}

/* Part of a tensor's data. */
static void put_weights(struct target *out, const void *data, size_t n)
{
	lm_hash_add(&out->hash, data, n);
	put(out, data, n);
}

static void put_tensor_heads(struct target *out)
{
	const struct gguf *gguf = out->gguf;
	uint64_t offset = 0;

	for (size_t i = 0; i < gguf->n_tensors; i++) {
		const struct gguf_tensor *tensor = &gguf->tensors[i];

		put_string(out, tensor->name);
		put_uint(out, tensor->n_dims, 4);
		for (uint32_t d = 0; d < tensor->n_dims; d++)
			put_uint(out, tensor->dim[d], 8);
		put_uint(out, target_type(tensor), 4);
		put_uint(out, offset, 8);
		offset += target_size(tensor);
		offset = (offset + gguf->alignment - 1) & ~(gguf->alignment - 1);
	}
}

static mw_lm_err put_rows(struct target *out, const struct gguf_tensor *tensor,
			  const struct lm_why *why)
{
	uint64_t n_blocks = tensor->dim[0] / GGUF_Q8_BLOCK;
	struct lm_q8_block *blocks = malloc((size_t)n_blocks * sizeof(*blocks));
	mw_lm_err err = blocks ? MW_LM_E_OK : MW_LM_E_MEMORY;

	for (uint64_t row = 0; row < tensor->dim[1] && !err; row++) {
		if (!lm_row_blocks(tensor, row, blocks))
			err = lm_why(
			    why, MW_LM_E_FORMAT, "tensor %.*s: a value of row %llu is not finite",
			    (int)tensor->name.size, tensor->name.text, (unsigned long long)row);
		for (uint64_t b = 0; b < n_blocks && !err; b++) {
			uint16_t scale = lm_f16_store(blocks[b].scale);
			const uint8_t bytes[2] = {(uint8_t)(scale & 0xFFu), (uint8_t)(scale >> 8)};

			put_weights(out, bytes, sizeof(bytes));
			put_weights(out, blocks[b].q, GGUF_Q8_BLOCK);
		}
	}
	free(blocks);
	return err;
}

static mw_lm_err put_tensors(struct target *out, const struct lm_why *why)
{
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < out->gguf->n_tensors && !err; i++) {
		const struct gguf_tensor *tensor = &out->gguf->tensors[i];

		put_padding(out);
		if (becomes_q8(tensor))
			err = put_rows(out, tensor, why);
		else
			put_weights(out, tensor->data, (size_t)tensor->size);
		lm_hash_pad(&out->hash);
	}
	return err;
}

static mw_lm_err put_file(struct target *out, const struct lm_why *why)
{
	const struct gguf *gguf = out->gguf;
	bool has_hash = gguf_value_find(gguf, LM_HASH_KEY) != NULL;
	mw_lm_err err;

	for (size_t i = 0; i < gguf->n_tensors; i++)
		if (gguf->tensors[i].size == 0)
			return lm_why(why, MW_LM_E_UNSUPPORTED, "tensor %.*s: weight type %u",
				      (int)gguf->tensors[i].name.size, gguf->tensors[i].name.text,
				      gguf->tensors[i].type);
	put(out, "GGUF", 4);
	put_uint(out, gguf->version, 4);
	put_uint(out, gguf->n_tensors, 8);
	put_uint(out, gguf->n_values + !has_hash, 8);
	put_values(out);
	put_tensor_heads(out);
	put_padding(out);
	lm_hash_init(&out->hash);
	err = put_tensors(out, why);
	put_hash(out);
	return err;
}

/* Writes to a new file of that name; what cannot be finished is for the caller to remove. */
static mw_lm_err write_new(const struct gguf *gguf, int fd, const char *name,
			   const struct lm_why *why)
{
	struct target out = {.gguf = gguf, .file = fdopen(fd, "wb")};
	mw_lm_err err;

	if (!out.file) {
		(void)close(fd);
		return lm_why(why, MW_LM_E_IO, "%s: %s", name, strerror(errno));
	}
	err = put_file(&out, why);
	if (fflush(out.file) != 0 || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
		out.failed = true;
	if (fclose(out.file) != 0)
		out.failed = true;
	if (!err && out.failed)
		err = lm_why(why, MW_LM_E_IO, "%s: the file could not be written", name);
	return err;
}

static mw_lm_err write_whole(const struct gguf *gguf, const char *target, const struct lm_why *why)
{
	size_t size = strlen(target) + sizeof(".XXXXXX");
	char *name = malloc(size);
	mw_lm_err err;
	int fd;

	if (!name)
		return MW_LM_E_MEMORY;
	(void)snprintf(name, size, "%s.XXXXXX", target);
	fd = mkstemp(name);
	if (fd < 0) {
		err = lm_why(why, MW_LM_E_IO, "%s: %s", target, strerror(errno));
	} else {
		err = write_new(gguf, fd, name, why);
		if (!err && rename(name, target) != 0)
			err = lm_why(why, MW_LM_E_IO, "%s: %s", target, strerror(errno));
		if (err)
			(void)unlink(name);
	}
	free(name);
	return err;
}

mw_lm_err mw_lm_quantize(const char *source, const char *target, char *why_text, size_t why_size)
{
	const struct lm_why why = {why_text, why_size};
	struct lm_file file;
	struct gguf gguf;
	mw_lm_err err = lm_file_map(source, &file, &why);

	if (err)
		return err;
	err = gguf_parse(file.data, file.size, &gguf, &why);
	if (!err) {
		err = lm_hash_check(&gguf, &file, &why);
		if (!err)
			err = write_whole(&gguf, target, &why);
		gguf_done(&gguf);
	}
	lm_file_unmap(&file);
	return err;
}
