/* Weight types: against values that an independent program worked out bit by bit
 * (tests/data/reference_blocks.py). */
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

#include "model/engine/file.h"
#include "model/engine/weights.h"
#include "tests/unit/gguf_build.h"

#define COLS 512u
#define ROWS 2u

static const char *const types[] = {"Q4_0", "Q4_K", "Q5_K", "Q6_K"};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

static const char golden_path[] = "tests/data/golden_blocks.gguf";

static void golden_open(struct lm_file *file, struct gguf *gguf)
{
	ck_assert_int_eq(lm_file_map(golden_path, file, NULL), MW_LM_E_OK);
	ck_assert_int_eq(gguf_parse(file->data, file->size, gguf, NULL), MW_LM_E_OK);
}

static const struct gguf_tensor *tensor_of(const struct gguf *gguf, const char *type,
					   const char *suffix)
{
	const struct gguf_tensor *tensor;
	char name[32];

	(void)snprintf(name, sizeof(name), "%s%s", type, suffix);
	tensor = gguf_tensor_find(gguf, name);
	ck_assert_msg(tensor != NULL, "%s", name);
	ck_assert_uint_eq(tensor->dim[0], COLS);
	return tensor;
}

START_TEST(blocks_become_the_values_of_the_reference)
{
	float x[COLS], wanted[COLS];
	struct lm_file file;
	struct gguf gguf;

	golden_open(&file, &gguf);
	for (size_t t = 0; t < N_TYPES; t++) {
		const struct gguf_tensor *tensor = tensor_of(&gguf, types[t], "");

		ck_assert_str_eq(gguf_weight_name(tensor->type), types[t]);
		for (uint64_t row = 0; row < ROWS; row++) {
			ck_assert(lm_row_floats(tensor, row, x));
			ck_assert(
			    lm_row_floats(tensor_of(&gguf, types[t], ".values"), row, wanted));
			for (size_t i = 0; i < COLS; i++)
				ck_assert_msg(fabsf(x[i] - wanted[i]) <= 1e-6f * 200,
					      "%s row %u value %zu: %g, not %g", types[t],
					      (unsigned int)row, i, (double)x[i],
					      (double)wanted[i]);
		}
	}
	gguf_done(&gguf);
	lm_file_unmap(&file);
}
END_TEST

START_TEST(rows_become_int8_blocks_within_half_a_step)
{
	struct lm_q8_block blocks[COLS / GGUF_Q8_BLOCK];
	float wanted[COLS];
	struct lm_file file;
	struct gguf gguf;

	golden_open(&file, &gguf);
	for (size_t t = 0; t < N_TYPES; t++) {
		ck_assert(lm_row_blocks(tensor_of(&gguf, types[t], ""), 1, blocks));
		ck_assert(lm_row_floats(tensor_of(&gguf, types[t], ".values"), 1, wanted));
		for (size_t i = 0; i < COLS; i++) {
			const struct lm_q8_block *block = &blocks[i / GGUF_Q8_BLOCK];
			float x = block->scale * (float)block->q[i % GGUF_Q8_BLOCK];

			/* half a step, and what the half-precision scale is off by */
			ck_assert_float_le(fabsf(x - wanted[i]), 0.57f * block->scale + 1e-6f);
		}
	}
	gguf_done(&gguf);
	lm_file_unmap(&file);
}
END_TEST

START_TEST(a_scale_that_is_not_finite_is_seen)
{
	struct lm_q8_block blocks[COLS / GGUF_Q8_BLOCK];
	static const size_t scale_at[N_TYPES] = {0, 0, 0, 208};
	float x[COLS];
	struct lm_file file;
	struct gguf gguf;

	golden_open(&file, &gguf);
	for (size_t t = 0; t < N_TYPES; t++) {
		struct gguf_tensor tensor = *tensor_of(&gguf, types[t], "");
		uint8_t *copy = malloc((size_t)tensor.size);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, tensor.data, (size_t)tensor.size);
		copy[scale_at[t]] = 0x00;
		copy[scale_at[t] + 1] = 0x7C; /* infinity */
		tensor.data = copy;
		ck_assert(!lm_row_floats(&tensor, 0, x));
		ck_assert(!lm_row_blocks(&tensor, 0, blocks));
		ck_assert(lm_row_floats(&tensor, 1, x));
		free(copy);
	}
	gguf_done(&gguf);
	lm_file_unmap(&file);
}
END_TEST

START_TEST(rows_that_are_no_whole_blocks_are_refused)
{
	static const uint32_t numbers[] = {GGUF_W_Q4_0, GGUF_W_Q4_K, GGUF_W_Q5_K, GGUF_W_Q6_K};

	for (size_t t = 0; t < N_TYPES; t++) {
		uint32_t block = gguf_weight_block(numbers[t]);
		struct gguf_build build = {.seed = 1};
		char why[128] = "";
		struct gguf gguf;
		uint8_t *bytes;
		size_t size;

		bytes_put_string(&build.tensors, "halves");
		bytes_put_uint(&build.tensors, 2, 4);
		bytes_put_uint(&build.tensors, block / 2, 8);
		bytes_put_uint(&build.tensors, 2, 8);
		bytes_put_uint(&build.tensors, numbers[t], 4);
		bytes_put_uint(&build.tensors, 0, 8);
		build.n_tensors = 1;
		for (uint64_t i = 0; i < gguf_weight_bytes(numbers[t], block); i++)
			bytes_put_uint(&build.data, 0, 1);
		bytes = gguf_build_end(&build, &size);
		ck_assert_int_eq(gguf_parse(bytes, size, &gguf, &(struct lm_why){why, sizeof(why)}),
				 MW_LM_E_FORMAT);
		ck_assert_ptr_nonnull(strstr(why, "halves"));
		free(bytes);
	}
}
END_TEST

START_TEST(quantizing_a_file_turns_blocks_into_int8)
{
	char target[] = "/tmp/mw-dequant-XXXXXX", why[128] = "";
	float x[COLS], wanted[COLS];
	struct lm_file file;
	struct gguf gguf;
	struct gguf_build build = {.seed = 3};
	size_t size;
	uint8_t *bytes;
	char source[] = "/tmp/mw-dequant-XXXXXX";
	int fd = mkstemp(source), fd2 = mkstemp(target);

	ck_assert(fd >= 0 && fd2 >= 0);
	bytes_put_string(&build.tensors, "w");
	bytes_put_uint(&build.tensors, 2, 4);
	bytes_put_uint(&build.tensors, 32, 8);
	bytes_put_uint(&build.tensors, 32, 8);
	bytes_put_uint(&build.tensors, GGUF_W_Q4_0, 4);
	bytes_put_uint(&build.tensors, 0, 8);
	build.n_tensors = 1;
	for (uint32_t row = 0; row < 32; row++) {
		bytes_put_uint(&build.data, lm_f16_store(0.5f), 2);
		for (uint32_t i = 0; i < 16; i++)
			bytes_put_uint(&build.data, (row * 7 + i * 11) & 0xFF, 1);
	}
	bytes = gguf_build_end(&build, &size);
	ck_assert_int_eq(gguf_parse(bytes, size, &gguf, NULL), MW_LM_E_OK);
	ck_assert(lm_row_floats(&gguf.tensors[0], 31, wanted));
	gguf_done(&gguf);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_msg(mw_lm_quantize(source, target, why, sizeof(why)) == MW_LM_E_OK, "%s", why);
	ck_assert_int_eq(lm_file_map(target, &file, NULL), MW_LM_E_OK);
	ck_assert_int_eq(gguf_parse(file.data, file.size, &gguf, NULL), MW_LM_E_OK);
	ck_assert_uint_eq(gguf.tensors[0].type, GGUF_W_Q8_0);
	ck_assert(lm_row_floats(&gguf.tensors[0], 31, x));
	for (size_t i = 0; i < 32; i++)
		ck_assert_float_le(fabsf(x[i] - wanted[i]), 4.0f / 127);
	gguf_done(&gguf);
	lm_file_unmap(&file);
	free(bytes);
	(void)close(fd);
	(void)close(fd2);
	(void)unlink(source);
	(void)unlink(target);
}
END_TEST

MW_TEST_MAIN("dequant", blocks_become_the_values_of_the_reference,
	     rows_become_int8_blocks_within_half_a_step, a_scale_that_is_not_finite_is_seen,
	     rows_that_are_no_whole_blocks_are_refused, quantizing_a_file_turns_blocks_into_int8)
