#include "model/engine/pack.h"

#include "model/engine/dequant.h"
#include "model/engine/f16.h"
#include "model/engine/weights.h"

#include <string.h>

#define F16_SPECIAL 0x7C00u    /* exponent of what is not finite */
#define RELEASE     (1u << 20) /* bytes of the file that a worker holds mapped */

/* Where a row of the tensor comes from: RoPE's pairs become halves. */
static uint32_t source_row(const struct lm_filling *filling, uint32_t row)
{
	uint32_t half = filling->turned / 2, d;

	if (half == 0)
		return row;
	d = row % filling->head;
	if (d >= filling->turned)
		return row;
	return row - d + (d < half ? 2 * d : 2 * (d - half) + 1);
}

/* Four bytes of every group of columns, 16 rows apart. */
static void spread(const void *q, uint8_t flip, uint8_t *to)
{
	uint32_t fours[LM_BLOCK / 4];

	memcpy(fours, q, sizeof(fours));
	for (size_t g = 0; g < LM_BLOCK / 4; g++, to += sizeof(fours[0]) * LM_LANES) {
		fours[g] ^= flip * 0x01010101u;
		memcpy(to, &fours[g], sizeof(fours[g]));
	}
}

static bool fill_block(const struct lm_filling *filling, uint32_t row, uint32_t b)
{
	const struct lm_panels *panels = &filling->matrix->panels;
	uint32_t n_blocks = filling->matrix->cols / LM_BLOCK, to = filling->first + row;
	size_t at = (size_t)(to / LM_LANES) * n_blocks + b, lane = to % LM_LANES;
	uint64_t source = source_row(filling, row);
	uint16_t *scale = panels->scale + at * LM_LANES + lane;
	uint8_t *q = panels->q + at * LM_BLOCK_BYTES + 4 * lane;
	struct lm_q8_block block;

	if (filling->tensor->type == GGUF_W_Q8_0) {
		const uint8_t *bytes = lm_block_at(filling->tensor, source, b);

		*scale = lm_load_u16(bytes);
		spread(bytes + sizeof(*scale), filling->flip, q);
		return (*scale & F16_SPECIAL) != F16_SPECIAL;
	}
	if (!lm_row_block(filling->tensor, source, b, &block))
		return false;
	*scale = lm_f16_store(block.scale);
	spread(block.q, filling->flip, q);
	return true;
}

/* Block b of a row, by value; false if a value is not finite, or too large for a half. */
static bool fill_values(const struct lm_filling *filling, uint32_t row, uint32_t b)
{
	const struct lm_matrix *matrix = filling->matrix;
	size_t at = (size_t)(filling->first + row) * matrix->cols + (size_t)b * LM_BLOCK;
	float x[LM_BLOCK];
	bool finite =
	    lm_values(filling->tensor,
		      (uint64_t)source_row(filling, row) * matrix->cols + (uint64_t)b * LM_BLOCK,
		      LM_BLOCK, x);

	if (matrix->floats)
		memcpy(matrix->floats + at, x, sizeof(x));
	for (size_t i = 0; matrix->halves && i < LM_BLOCK; i++) {
		matrix->halves[at + i] = lm_f16_store(x[i]);
		finite &= (matrix->halves[at + i] & F16_SPECIAL) != F16_SPECIAL;
	}
	return finite;
}

typedef uint32_t quad __attribute__((vector_size(16)));

static quad quad_load(const uint8_t *bytes)
{
	quad x;

	memcpy(&x, bytes, sizeof(x));
	return x;
}

/* Four rows of 16 columns become four groups of 4 columns, row by row, a panel's rows apart. */
static void turn_quads(const uint8_t *const *rows, size_t at, uint32_t flip, uint8_t *to)
{
	quad a = quad_load(rows[0] + at), b = quad_load(rows[1] + at);
	quad c = quad_load(rows[2] + at), d = quad_load(rows[3] + at);
	quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
	quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
	quad ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
	quad cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
	const quad turned[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5) ^ flip,
				__builtin_shufflevector(ab, cd, 2, 3, 6, 7) ^ flip,
				__builtin_shufflevector(ab2, cd2, 0, 1, 4, 5) ^ flip,
				__builtin_shufflevector(ab2, cd2, 2, 3, 6, 7) ^ flip};

	for (size_t g = 0; g < 4; g++)
		memcpy(to + g * 4 * LM_LANES, &turned[g], sizeof(turned[g]));
}

/* A whole panel from 16 rows of Q8_0, from row `row` of the tensor on. */
static bool fill_panel(const struct lm_filling *filling, uint32_t row)
{
	const struct lm_matrix *matrix = filling->matrix;
	size_t n_blocks = matrix->cols / LM_BLOCK;
	struct lm_panels panel =
	    lm_panels_from(matrix->panels, (filling->first + row) / LM_LANES, n_blocks);
	uint32_t flip = filling->flip * 0x01010101u;
	const uint8_t *rows[LM_LANES], *next;
	bool finite = true;

	for (uint32_t r = 0; r < LM_LANES; r++)
		rows[r] = lm_block_at(filling->tensor, source_row(filling, row + r), 0);
	next = rows[0] + LM_LANES * n_blocks * GGUF_Q8_BYTES;
	for (size_t b = 0; b < n_blocks; b++) {
		size_t at = b * GGUF_Q8_BYTES;
		uint8_t *q = panel.q + b * LM_BLOCK_BYTES;

		/* what the next panel reads */
		for (size_t k = 0; k < LM_LANES * GGUF_Q8_BYTES; k += 64)
			__builtin_prefetch(next + b * LM_LANES * GGUF_Q8_BYTES + k);
		for (size_t r = 0; r < LM_LANES; r++) {
			uint16_t scale = lm_load_u16(rows[r] + at);

			panel.scale[b * LM_LANES + r] = scale;
			finite &= (scale & F16_SPECIAL) != F16_SPECIAL;
		}
		for (size_t r = 0; r < LM_LANES; r += 4) {
			turn_quads(rows + r, at + 2, flip, q + 4 * r);
			turn_quads(rows + r, at + 18, flip, q + LM_BLOCK_BYTES / 2 + 4 * r);
		}
	}
	return finite;
}

/* Rows [from, to) of a panel, a column of blocks at a time: what is written stands together. */
static bool fill_rows(const struct lm_filling *filling, uint32_t from, uint32_t to)
{
	const struct lm_matrix *matrix = filling->matrix;
	bool finite = true;

	if (matrix->panels.q && to - from == LM_LANES && filling->tensor->type == GGUF_W_Q8_0)
		return fill_panel(filling, from);
	for (uint32_t i = from; !matrix->panels.q && i < to; i++)
		for (uint32_t b = 0; b < matrix->cols / LM_BLOCK; b++)
			finite &= fill_values(filling, i, b);
	for (uint32_t b = 0; matrix->panels.q && b < matrix->cols / LM_BLOCK; b++)
		for (uint32_t i = from; i < to; i++)
			finite &= fill_block(filling, i, b);
	return finite;
}

/* Lets go of the rows [from, to) of the file once they are many; returns what comes next. */
static uint32_t release(const struct lm_filling *filling, uint32_t from, uint32_t to)
{
	const struct gguf_tensor *tensor = filling->tensor;
	uint64_t row = tensor->size / filling->rows;

	if (!filling->file || (to - from) * row < RELEASE)
		return from;
	lm_file_release(filling->file, tensor->data + from * row, (size_t)((to - from) * row));
	return to;
}

/* The worker's panels. */
static void fill_part(void *job, const struct lm_worker *worker)
{
	struct lm_filling *filling = job;
	uint32_t skew = filling->first % LM_LANES, n = skew + filling->rows, next;
	struct lm_part part = lm_part(worker, n, LM_LANES);
	uint32_t read = part.from < skew ? 0 : (uint32_t)part.from - skew; /* let go up to here */

	for (uint32_t i = (uint32_t)part.from; i < part.to && !filling->bad[worker->rank];
	     i = next) {
		uint32_t from = i < skew ? 0 : i - skew;

		next = i + LM_LANES < n ? i + LM_LANES : n;
		if (!fill_rows(filling, from, next - skew))
			filling->bad[worker->rank] = from + 1;
		read = release(filling, read, next - skew);
	}
}

mw_lm_err lm_fill(const struct lm_load *load, struct lm_filling *filling)
{
	filling->file = load->file;
	lm_pool_run(load->pool, fill_part, filling);
	for (size_t i = 0; i < MW_LM_MAX_THREADS; i++)
		if (filling->bad[i])
			return lm_why(load->why, MW_LM_E_FORMAT,
				      "tensor %.*s: a value of the rows from %u on is not finite",
				      (int)filling->tensor->name.size, filling->tensor->name.text,
				      filling->bad[i] - 1);
	load->model->info.n_parameters += (uint64_t)filling->rows * filling->matrix->cols;
	if (load->file)
		lm_file_release(load->file, filling->tensor->data, filling->tensor->size);
	return MW_LM_E_OK;
}
