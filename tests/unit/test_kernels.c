/* Every kernel against the scalar ones, which are checked by hand: the same bits for any size. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/engine/f16.h"
#include "model/engine/kernels.h"
#include "model/engine/kernels_math.h"
#include "model/engine/millwright_lm.h"

#define MAX_N 700u

static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	return z ^ z >> 31;
}

static void fill(float *x, size_t n, float spread, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		x[i] = spread * ((float)(next_random(&seed) >> 40 & 0xFFFF) / 32768.0f - 1.0f);
}

/* Kernels number i after the scalar ones; NULL past the last. */
static const struct lm_kernels *other(size_t i)
{
	const char *name = mw_lm_kernels_name(i + 1);

	return name ? lm_kernels_find(name) : NULL;
}

#define FOR_OTHERS(ops) for (size_t other_i = 0; (ops = other(other_i)) != NULL; other_i++)

START_TEST(scalar_comes_first_and_unknown_names_find_nothing)
{
	ck_assert_str_eq(mw_lm_kernels_name(0), "scalar");
	ck_assert_ptr_eq(lm_kernels_find("scalar"), &lm_kernels_scalar);
	ck_assert_ptr_null(lm_kernels_find("abacus"));
	ck_assert_ptr_nonnull(lm_kernels_find(NULL));
	ck_assert_ptr_null(mw_lm_kernels_name(99));
}
END_TEST

/* --- the scalar truth ------------------------------------------------------------------------- */

START_TEST(exp_is_within_two_units_of_the_last_place)
{
	for (float x = -86.9f; x < 87.9f; x += 0.0137f) {
		double wanted = exp((double)x);

		ck_assert_double_le(fabs((double)lm_exp(x) - wanted), 2.4e-7 * wanted);
	}
	ck_assert_float_eq(lm_exp(0), 1.0f);
	ck_assert_float_eq(lm_exp(-1000.0f), lm_exp(LM_EXP_MIN));
	ck_assert(isfinite(lm_exp(1000.0f)));
}
END_TEST

START_TEST(half_precision_survives_a_round_trip)
{
	for (uint32_t half = 0; half <= 0xFFFF; half++) {
		float x = lm_f16_load((uint16_t)half);

		if (!isnan(x))
			ck_assert_uint_eq(lm_f16_store(x), half);
	}
	ck_assert_float_eq(lm_f16_load(0x3C01), 1.0f + 0x1p-10f);
	ck_assert_float_eq(lm_f16_load(0x0001), 0x1p-24f);
	ck_assert_uint_eq(lm_f16_store(1.0f + 0x1p-11f), 0x3C00); /* half way: to even */
	ck_assert_uint_eq(lm_f16_store(1.0f + 0x1.8p-10f), 0x3C02);
	ck_assert_uint_eq(lm_f16_store(65520.0f), 0x7C00);
	ck_assert_uint_eq(lm_f16_store(65519.0f), 0x7BFF);
	ck_assert_float_eq(lm_bf16_load(0x3F80), 1.0f);
}
END_TEST

START_TEST(quantized_values_are_within_half_a_step)
{
	float x[64], scale[2];
	int8_t q[64];
	int32_t bias[2], sum = 0;

	fill(x, 64, 3.0f, 1);
	lm_kernels_scalar.quantize(x, 2, q, scale, bias);
	for (size_t i = 0; i < 64; i++) {
		ck_assert_float_le(fabsf((float)q[i] * scale[i / 32] - x[i]),
				   0.5001f * scale[i / 32]);
		sum += q[i];
	}
	ck_assert_int_eq(bias[0] + bias[1], -128 * sum);
	memset(x, 0, sizeof(x));
	x[40] = 1e-38f;
	lm_kernels_scalar.quantize(x, 2, q, scale, bias);
	for (size_t i = 0; i < 64; i++)
		ck_assert_int_eq(q[i], 0);
}
END_TEST

START_TEST(values_that_are_not_finite_stay_inside_int8)
{
	float x[32] = {NAN, INFINITY, -INFINITY, 1.0f, -2.0f}, scale;
	const struct lm_kernels *ops = &lm_kernels_scalar;
	int32_t bias;
	int8_t q[32];

	for (size_t i = 0; ops; ops = other(i++)) {
		ops->quantize(x, 1, q, &scale, &bias);
		for (size_t k = 0; k < 32; k++)
			ck_assert_int_ge(q[k], -127);
	}
}
END_TEST

START_TEST(softmax_sums_to_one_and_keeps_the_order)
{
	float x[37], before[37];
	double sum = 0;

	fill(x, 37, 20.0f, 2);
	memcpy(before, x, sizeof(x));
	lm_kernels_scalar.softmax(x, 37, 0.5f);
	for (size_t i = 0; i < 37; i++) {
		sum += (double)x[i];
		for (size_t k = 0; k < 37; k++)
			ck_assert(before[i] <= before[k] ? x[i] <= x[k] : x[i] >= x[k]);
	}
	ck_assert_double_eq_tol(sum, 1, 1e-6);
}
END_TEST

/* --- the others ------------------------------------------------------------------------------- */

enum { PANELS = 3, BLOCKS = 5, POSITIONS = 23 };

struct product {
	_Alignas(64) uint8_t weights[PANELS * BLOCKS * LM_BLOCK_BYTES];
	_Alignas(64) uint16_t scales[PANELS * BLOCKS * LM_LANES];
	struct lm_panels panels;
	int8_t q[POSITIONS * BLOCKS * LM_BLOCK];
	float scale[POSITIONS * BLOCKS];
	int32_t bias[POSITIONS * BLOCKS];
	float y[POSITIONS * PANELS * LM_LANES];
};

/* Weights down to -128 and activations of +-127 first: the largest sums there are. */
static void product_init(struct product *product, uint8_t flip)
{
	uint64_t seed = 7;

	product->panels = (struct lm_panels){product->weights, product->scales};
	for (size_t i = 0; i < PANELS * BLOCKS * LM_LANES; i++)
		product->scales[i] = lm_f16_store((float)(next_random(&seed) >> 40 & 0xFF) - 128);
	for (size_t i = 0; i < sizeof(product->weights); i++)
		product->weights[i] =
		    (uint8_t)((i < LM_BLOCK_BYTES ? 0x80 : next_random(&seed) >> 33) ^ flip);
	for (size_t b = 0; b < POSITIONS * BLOCKS; b++) {
		int32_t sum = 0;

		for (size_t i = 0; i < LM_BLOCK; i++) {
			int32_t value = b == 0   ? 127
					: b == 5 ? -127
						 : (int32_t)(next_random(&seed) % 255) - 127;

			product->q[b * LM_BLOCK + i] = (int8_t)value;
			sum += value;
		}
		product->bias[b] = -128 * sum;
	}
	fill(product->scale, POSITIONS * BLOCKS, 1.0f, 3);
}

static void multiply(const struct lm_kernels *ops, struct product *product, size_t n)
{
	const struct lm_q8 x = {product->q, product->scale, product->bias};

	product_init(product, ops->weight_flip);
	memset(product->y, 0, sizeof(product->y));
	ops->gemm(product->panels, PANELS, BLOCKS, &x, n, product->y, PANELS * LM_LANES);
}

START_TEST(integer_products_have_the_same_bits)
{
	static _Alignas(64) struct product truth, product;
	const struct lm_kernels *ops;

	for (size_t n = 1; n <= POSITIONS; n++) {
		multiply(&lm_kernels_scalar, &truth, n);
		FOR_OTHERS(ops)
		{
			multiply(ops, &product, n);
			ck_assert_mem_eq(truth.y, product.y, sizeof(truth.y));
		}
	}
}
END_TEST

START_TEST(rows_are_added_with_the_same_bits)
{
	static _Alignas(64) struct product product;
	float truth[BLOCKS * LM_BLOCK], x[BLOCKS * LM_BLOCK];
	const struct lm_kernels *ops;

	for (size_t row = 0; row < LM_LANES; row++) {
		product_init(&product, 0);
		fill(truth, BLOCKS * LM_BLOCK, 1.0f, row);
		lm_kernels_scalar.add_row(product.panels, row, BLOCKS, truth);
		FOR_OTHERS(ops)
		{
			product_init(&product, ops->weight_flip);
			fill(x, BLOCKS * LM_BLOCK, 1.0f, row);
			ops->add_row(product.panels, row, BLOCKS, x);
			ck_assert_mem_eq(truth, x, sizeof(x));
		}
	}
}
END_TEST

START_TEST(quantizing_has_the_same_bits)
{
	static float x[LM_BLOCK * 8], scale[2][8];
	static int8_t q[2][LM_BLOCK * 8];
	static int32_t bias[2][8];
	const struct lm_kernels *ops;

	for (uint64_t seed = 0; seed < 50; seed++) {
		fill(x, LM_BLOCK * 8, powf(10.0f, (float)seed - 40), seed);
		lm_kernels_scalar.quantize(x, 8, q[0], scale[0], bias[0]);
		FOR_OTHERS(ops)
		{
			ops->quantize(x, 8, q[1], scale[1], bias[1]);
			ck_assert_mem_eq(q[0], q[1], sizeof(q[0]));
			ck_assert_mem_eq(scale[0], scale[1], sizeof(scale[0]));
			ck_assert_mem_eq(bias[0], bias[1], sizeof(bias[0]));
		}
	}
}
END_TEST

struct vectors {
	float a[MAX_N], b[MAX_N], c[MAX_N];
};

static void vectors_init(struct vectors *v, uint64_t seed)
{
	fill(v->a, MAX_N, 4.0f, seed);
	fill(v->b, MAX_N, 2.0f, seed + 1);
	fill(v->c, MAX_N, 1.0f, seed + 2);
}

/* Every function on vectors, n values each; what lies past them must stay. */
static void run_all(const struct lm_kernels *ops, struct vectors *v, size_t n)
{
	vectors_init(v, n);
	v->c[0] = ops->dot(v->a, v->b, n);
	ops->rms_norm(v->a, v->b, n, 1e-5f, v->a);
	ops->add(v->b, v->a, n);
	ops->silu_mul(v->a, v->b, n);
	ops->softmax(v->b, n, 0.7f);
	ops->round(v->c, n);
}

START_TEST(vector_functions_have_the_same_bits_at_every_length)
{
	static struct vectors truth, result;
	const struct lm_kernels *ops;

	for (size_t n = 1; n < 140; n++) {
		run_all(&lm_kernels_scalar, &truth, n);
		FOR_OTHERS(ops)
		{
			run_all(ops, &result, n);
			ck_assert_mem_eq(&truth, &result, sizeof(truth));
		}
	}
}
END_TEST

struct narrowed {
	uint16_t halves[MAX_N];
	float dot, x[MAX_N], value[MAX_N], keys[MAX_N];
};

/* n values to half precision and back, of sizes from nothing to infinity; and int8 made float. */
static void run_narrow(const struct lm_kernels *ops, size_t n, struct narrowed *result)
{
	float x[MAX_N], scales[LM_LANES];
	int8_t q[MAX_N];

	memset(result, 0, sizeof(*result));
	fill(x, MAX_N, powf(10.0f, (float)(n % 14) - 8), n);
	fill(scales, LM_LANES, 1.0f, n);
	for (size_t i = 0; i < MAX_N; i++)
		q[i] = (int8_t)(i * 37);
	ops->narrow(x, n, result->halves);
	ops->widen(result->halves, n, result->x);
	result->dot = n % 14 < 10 ? ops->dot_half(result->halves, x, n) : 0;
	ops->widen_value(q, scales[0], n, result->value);
	ops->widen_keys(q, scales, n / LM_LANES, result->keys);
}

START_TEST(narrow_values_have_the_same_bits)
{
	static struct narrowed truth, result;
	const struct lm_kernels *ops;

	for (size_t n = 1; n < 200; n++) {
		run_narrow(&lm_kernels_scalar, n, &truth);
		for (size_t i = 0; i < n; i++)
			ck_assert_float_eq(truth.x[i], lm_f16_load(truth.halves[i]));
		FOR_OTHERS(ops)
		{
			run_narrow(ops, n, &result);
			ck_assert_mem_eq(&truth, &result, sizeof(truth));
		}
	}
}
END_TEST

#define TILES   9u
#define QUERIES 7u
#define SIZE    64u

struct attention {
	_Alignas(64) float scores[QUERIES * TILES * LM_LANES];
	float mixed[QUERIES * SIZE];
};

/* Scores over n_tiles and the mixture of n values for n_q queries, heads of `size`. */
static void run_attention(const struct lm_kernels *ops, size_t n_q, size_t n_tiles, size_t size,
			  struct attention *result)
{
	static _Alignas(64) float tiles[TILES * SIZE * LM_LANES];
	float q[QUERIES * SIZE];

	memset(result, 0, sizeof(*result));
	fill(q, QUERIES * SIZE, 1.0f, size);
	fill(tiles, sizeof(tiles) / sizeof(float), 1.0f, n_tiles);
	ops->scores(q, n_q, tiles, n_tiles, size, result->scores, TILES * LM_LANES);
	ops->mix(result->scores, TILES * LM_LANES, n_q, tiles, n_tiles * 3, size, result->mixed);
}

START_TEST(attention_has_the_same_bits_for_every_head_size)
{
	static struct attention truth, result;
	const struct lm_kernels *ops;

	for (size_t size = 2; size <= SIZE; size += 2)
		for (size_t i = 0; i < TILES * QUERIES; i++) {
			size_t n_q = i % QUERIES + 1, n_tiles = i / QUERIES + 1;

			run_attention(&lm_kernels_scalar, n_q, n_tiles, size, &truth);
			FOR_OTHERS(ops)
			{
				run_attention(ops, n_q, n_tiles, size, &result);
				ck_assert_mem_eq(&truth, &result, sizeof(truth));
			}
		}
}
END_TEST

/* The rotation of (a, b) by an angle, written out. */
START_TEST(turning_keeps_the_length_and_has_the_same_bits)
{
	static float truth[MAX_N], x[MAX_N], cosines[MAX_N], sines[MAX_N];
	const struct lm_kernels *ops;

	for (size_t i = 0; i < MAX_N; i++) {
		cosines[i] = (float)cos((double)i);
		sines[i] = (float)sin((double)i);
	}
	for (size_t half = 1; half < 70; half++) {
		fill(truth, MAX_N, 1.0f, half);
		lm_kernels_scalar.turn(truth, cosines, sines, half);
		fill(x, MAX_N, 1.0f, half);
		ck_assert_double_eq_tol(
		    (double)truth[half - 1],
		    (double)(x[half - 1] * cosines[half - 1] - x[2 * half - 1] * sines[half - 1]),
		    1e-6);
		ck_assert_double_eq_tol(hypot((double)x[0], (double)x[half]),
					hypot((double)truth[0], (double)truth[half]), 1e-6);
		FOR_OTHERS(ops)
		{
			fill(x, MAX_N, 1.0f, half);
			ops->turn(x, cosines, sines, half);
			ck_assert_mem_eq(truth, x, sizeof(truth));
		}
	}
}
END_TEST

MW_TEST_MAIN("kernels", scalar_comes_first_and_unknown_names_find_nothing,
	     exp_is_within_two_units_of_the_last_place, half_precision_survives_a_round_trip,
	     quantized_values_are_within_half_a_step, values_that_are_not_finite_stay_inside_int8,
	     softmax_sums_to_one_and_keeps_the_order, integer_products_have_the_same_bits,
	     rows_are_added_with_the_same_bits, quantizing_has_the_same_bits,
	     vector_functions_have_the_same_bits_at_every_length, narrow_values_have_the_same_bits,
	     attention_has_the_same_bits_for_every_head_size,
	     turning_keeps_the_length_and_has_the_same_bits)
