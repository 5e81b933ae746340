#include "model/engine/hash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define START  0xCBF29CE484222325u
#define FACTOR 0x9E3779B97F4A7C15u

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * FACTOR;
	return hash ^ hash >> 32;
}

static uint64_t load_word(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

void lm_hash_init(struct lm_hash *hash)
{
	*hash = (struct lm_hash){.n = 0};
	for (uint32_t k = 0; k < LM_HASH_LANES; k++)
		hash->lanes[k] = START + k;
}

static void add_word(struct lm_hash *hash, const uint8_t *bytes)
{
	uint64_t *lane = &hash->lanes[hash->n++ % LM_HASH_LANES];

	*lane = mix(*lane, load_word(bytes));
}

/* Whole rounds over the lanes, which do not wait for each other. */
static size_t add_rounds(struct lm_hash *hash, const uint8_t *bytes, size_t size)
{
	uint64_t a = hash->lanes[0], b = hash->lanes[1], c = hash->lanes[2], d = hash->lanes[3];
	size_t n = size / 32;

	for (size_t i = 0; i < n; i++, bytes += 32) {
		a = mix(a, load_word(bytes));
		b = mix(b, load_word(bytes + 8));
		c = mix(c, load_word(bytes + 16));
		d = mix(d, load_word(bytes + 24));
	}
	hash->lanes[0] = a;
	hash->lanes[1] = b;
	hash->lanes[2] = c;
	hash->lanes[3] = d;
	hash->n += 4 * n;
	return 32 * n;
}

void lm_hash_add(struct lm_hash *hash, const void *data, size_t size)
{
	const uint8_t *bytes = data, *end = bytes + size;

	while (bytes < end) {
		if (hash->n_rest == 0 && hash->n % LM_HASH_LANES == 0)
			bytes += add_rounds(hash, bytes, (size_t)(end - bytes));
		if (hash->n_rest == 0 && end - bytes >= 8) {
			add_word(hash, bytes);
			bytes += 8;
		} else if (bytes < end) {
			hash->rest[hash->n_rest++] = *bytes++;
			if (hash->n_rest == 8)
				lm_hash_pad(hash);
		}
	}
}

void lm_hash_pad(struct lm_hash *hash)
{
	if (hash->n_rest == 0)
		return;
	memset(hash->rest + hash->n_rest, 0, sizeof(hash->rest) - hash->n_rest);
	add_word(hash, hash->rest);
	hash->n_rest = 0;
}

uint64_t lm_hash_end(const struct lm_hash *hash)
{
	uint64_t sum = hash->n;

	for (uint32_t k = 0; k < LM_HASH_LANES; k++)
		sum = mix(sum, hash->lanes[k]);
	return sum;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t left = (*(const struct gguf_tensor *const *)a)->offset;
	uint64_t right = (*(const struct gguf_tensor *const *)b)->offset;

	return (left > right) - (left < right);
}

static bool hash_tensors(const struct gguf *gguf, const struct lm_file *file, uint64_t *ret_sum)
{
	const struct gguf_tensor **order = calloc(gguf->n_tensors + 1, sizeof(*order));
	struct lm_hash hash;

	if (!order)
		return false;
	for (size_t i = 0; i < gguf->n_tensors; i++)
		order[i] = &gguf->tensors[i];
	qsort(order, gguf->n_tensors, sizeof(*order), by_offset);
	lm_hash_init(&hash);
	for (size_t i = 0; i < gguf->n_tensors; i++) {
		lm_hash_add(&hash, order[i]->data, (size_t)order[i]->size);
		lm_hash_pad(&hash);
		if (file)
			lm_file_release(file, order[i]->data, (size_t)order[i]->size);
	}
	*ret_sum = lm_hash_end(&hash);
	free(order);
	return true;
}

mw_lm_err lm_hash_check(const struct gguf *gguf, const struct lm_file *file,
			const struct lm_why *why)
{
	const struct gguf_value *value = gguf_value_find(gguf, LM_HASH_KEY);
	uint64_t wanted, found;

	if (!value)
		return MW_LM_E_OK;
	if (value->is_array || value->type != GGUF_U64 || !gguf_value_uint(value, 0, &wanted))
		return lm_why(why, MW_LM_E_FORMAT, "key %s: not a number of 64 bits", LM_HASH_KEY);
	if (!hash_tensors(gguf, file, &found))
		return lm_why(why, MW_LM_E_MEMORY, "no memory for the list of tensors");
	if (found != wanted)
		return lm_why(why, MW_LM_E_FORMAT,
			      "key %s: the weights are damaged (%016llx, not %016llx)", LM_HASH_KEY,
			      (unsigned long long)found, (unsigned long long)wanted);
	return MW_LM_E_OK;
}
