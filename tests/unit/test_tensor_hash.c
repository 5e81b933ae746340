/* The check sum of a file's weights: as its definition says, and no flipped bit gets past it. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "model/engine/hash.h"
#include "tests/unit/gguf_build.h"

static const struct build_shape tiny = {.arch = "llama",
					.weights = GGUF_W_F16,
					.n_embd = 32,
					.n_layers = 1,
					.n_head = 2,
					.n_kv = 1,
					.head_size = 16,
					.n_ff = 32,
					.n_vocab = 41,
					.seed = 3};

/* The definition, word by word. */
static uint64_t sum_slowly(const uint8_t *data, size_t size)
{
	uint64_t lanes[5], n = (size + 7) / 8;

	for (uint64_t k = 0; k < 4; k++)
		lanes[k] = 0xCBF29CE484222325u + k;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t word = 0;

		for (uint64_t b = 0; b < 8; b++)
			if (8 * i + b < size)
				word |= (uint64_t)data[8 * i + b] << (8 * b);
		lanes[i % 4] = (lanes[i % 4] ^ word) * 0x9E3779B97F4A7C15u;
		lanes[i % 4] ^= lanes[i % 4] >> 32;
	}
	lanes[4] = n;
	for (size_t k = 0; k < 4; k++) {
		lanes[4] = (lanes[4] ^ lanes[k]) * 0x9E3779B97F4A7C15u;
		lanes[4] ^= lanes[4] >> 32;
	}
	return lanes[4];
}

START_TEST(portions_do_not_matter)
{
	struct gguf_build random = {.seed = 8};
	uint8_t data[200];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(int)(128 * (1 + build_random(&random)));
	for (size_t round = 0; round < 300; round++) {
		size_t size = round % (sizeof(data) + 1), at = 0;
		struct lm_hash hash;

		lm_hash_init(&hash);
		while (at < size) {
			size_t n = 1 + (size_t)(20 * (1 + build_random(&random)));

			n = n < size - at ? n : size - at;
			lm_hash_add(&hash, data + at, n);
			at += n;
		}
		lm_hash_pad(&hash);
		ck_assert_uint_eq(lm_hash_end(&hash), sum_slowly(data, size));
	}
}
END_TEST

/* A quantized file; the caller frees. */
static uint8_t *quantized(size_t *ret_size)
{
	char source[] = "/tmp/mw-hash-XXXXXX", target[] = "/tmp/mw-hash-XXXXXX", why[256] = "";
	size_t size;
	uint8_t *file = build_model(&tiny, &size);
	int fd = mkstemp(source), out = mkstemp(target);
	FILE *in;

	ck_assert(fd >= 0 && out >= 0);
	ck_assert_int_eq(write(fd, file, size), (ssize_t)size);
	ck_assert_msg(mw_lm_quantize(source, target, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	in = fopen(target, "rb");
	ck_assert_ptr_nonnull(in);
	*ret_size = fread(file, 1, size, in);
	ck_assert_uint_lt(*ret_size, size);
	(void)fclose(in);
	(void)close(fd);
	(void)close(out);
	(void)unlink(source);
	(void)unlink(target);
	return file;
}

static mw_lm_err open_bytes(const uint8_t *file, size_t size, char *why, size_t why_size)
{
	struct mw_lm *model = NULL;
	mw_lm_err err = mw_lm_open_memory(file, size, NULL, &model, why, why_size);

	mw_lm_close(model);
	return err;
}

START_TEST(a_flipped_bit_of_a_weight_is_seen)
{
	const struct lm_why no_why = {NULL, 0};
	char why[256] = "";
	size_t size, n = 0;
	uint8_t *file = quantized(&size);
	struct gguf gguf;

	ck_assert_int_eq(open_bytes(file, size, why, sizeof(why)), MW_LM_E_OK);
	ck_assert_int_eq(gguf_parse(file, size, &gguf, &no_why), MW_LM_E_OK);
	for (size_t t = 0; t < gguf.n_tensors; t++) {
		size_t from = (size_t)(gguf.tensors[t].data - file);

		for (size_t at = from; at < from + gguf.tensors[t].size; at += 7, n++) {
			file[at] ^= (uint8_t)(1u << at % 8);
			ck_assert_int_eq(open_bytes(file, size, why, sizeof(why)), MW_LM_E_FORMAT);
			ck_assert_ptr_nonnull(strstr(why, "millwright.tensor_hash"));
			file[at] ^= (uint8_t)(1u << at % 8);
		}
	}
	ck_assert_uint_gt(n, 100);
	ck_assert_int_eq(open_bytes(file, size, why, sizeof(why)), MW_LM_E_OK);
	gguf_done(&gguf);
	free(file);
}
END_TEST

START_TEST(the_order_of_the_list_does_not_matter_but_that_of_the_data)
{
	struct gguf_build build = {.seed = 2};
	const struct lm_why no_why = {NULL, 0};
	float x[20];
	size_t size;
	uint8_t *file, data[16 + 80] = {0};
	struct gguf gguf;

	for (size_t i = 0; i < 20; i++)
		x[i] = (float)i;
	/* names against the order of the data; 12 and 76 bytes are no whole words */
	build_tensor(&build, "z", GGUF_W_F32, 1, 3, x);
	build_tensor(&build, "a", GGUF_W_F32, 1, 19, x + 1);
	memcpy(data, x, 12);
	memcpy(data + 16, x + 1, 76);
	build_key(&build, LM_HASH_KEY, GGUF_U64);
	bytes_put_uint(&build.keys, sum_slowly(data, sizeof(data)), 8);
	file = gguf_build_end(&build, &size);
	ck_assert_int_eq(gguf_parse(file, size, &gguf, &no_why), MW_LM_E_OK);
	ck_assert_int_eq(lm_hash_check(&gguf, NULL, &no_why), MW_LM_E_OK);
	gguf_done(&gguf);
	free(file);
}
END_TEST

START_TEST(a_sum_of_another_type_is_refused)
{
	struct gguf_build build = {.seed = 2};
	char why[256] = "";
	size_t size;
	uint8_t *file;

	build_keys(&build, &tiny);
	build_u32(&build, LM_HASH_KEY, 7);
	file = gguf_build_end(&build, &size);
	ck_assert_int_eq(open_bytes(file, size, why, sizeof(why)), MW_LM_E_FORMAT);
	ck_assert_ptr_nonnull(strstr(why, LM_HASH_KEY));
	free(file);
}
END_TEST

MW_TEST_MAIN("tensor_hash", portions_do_not_matter, a_flipped_bit_of_a_weight_is_seen,
	     the_order_of_the_list_does_not_matter_but_that_of_the_data,
	     a_sum_of_another_type_is_refused)
