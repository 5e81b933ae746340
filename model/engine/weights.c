#include "model/engine/weights.h"

#include "model/engine/dequant.h"
#include "model/engine/f16.h"
#include "model/engine/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER_NAME 64u

static float load_value(const struct gguf_tensor *tensor, uint64_t i)
{
	float x;

	switch (tensor->type) {
	case GGUF_W_F32:
		memcpy(&x, tensor->data + 4 * i, sizeof(x));
		return x;
	case GGUF_W_F16:
		return lm_f16_load(lm_load_u16(tensor->data + 2 * i));
	default:
		return lm_bf16_load(lm_load_u16(tensor->data + 2 * i));
	}
}

/* n <= 32 values from value `first` of the tensor on, a multiple of 32 if there are blocks. */
static bool load_values(const struct gguf_tensor *tensor, uint64_t first, size_t n, float *ret_x)
{
	bool finite = true;

	if (gguf_weight_block(tensor->type) > 1)
		lm_dequant(tensor, first / LM_DEQUANT, ret_x);
	else
		for (size_t i = 0; i < n; i++)
			ret_x[i] = load_value(tensor, first + i);
	for (size_t i = 0; i < n; i++)
		finite &= isfinite(ret_x[i]) != 0;
	return finite;
}

static bool load_block(const uint8_t *bytes, struct lm_q8_block *block)
{
	block->scale = lm_f16_load(lm_load_u16(bytes));
	memcpy(block->q, bytes + 2, GGUF_Q8_BLOCK);
	return isfinite(block->scale);
}

static const uint8_t *block_at(const struct gguf_tensor *tensor, uint64_t row, uint64_t b)
{
	return tensor->data + (row * (tensor->dim[0] / GGUF_Q8_BLOCK) + b) * GGUF_Q8_BYTES;
}

bool lm_row_floats(const struct gguf_tensor *tensor, uint64_t row, float *ret_x)
{
	uint64_t n = tensor->dim[0];
	bool finite = true;

	for (uint64_t i = 0; i < n; i += LM_DEQUANT)
		finite &= load_values(tensor, row * n + i,
				      n - i < LM_DEQUANT ? (size_t)(n - i) : LM_DEQUANT, ret_x + i);
	return finite;
}

void lm_block_quantize(const float *x, struct lm_q8_block *ret_block)
{
	float max = 0, inverse;

	for (size_t i = 0; i < GGUF_Q8_BLOCK; i++)
		max = lm_max(fabsf(x[i]), max);
	inverse = max > 0 ? 1.0f / (max / 127.0f) : 0;
	if (!isfinite(inverse)) /* so small that its half-precision scale is 0 */
		inverse = 0;
	ret_block->scale = lm_f16_load(lm_f16_store(max / 127.0f));
	for (size_t i = 0; i < GGUF_Q8_BLOCK; i++)
		ret_block->q[i] = (int8_t)roundf(x[i] * inverse);
}

bool lm_row_blocks(const struct gguf_tensor *tensor, uint64_t row, struct lm_q8_block *ret_blocks)
{
	bool finite = true;
	float x[GGUF_Q8_BLOCK];

	for (uint64_t b = 0; b < tensor->dim[0] / GGUF_Q8_BLOCK; b++) {
		if (tensor->type == GGUF_W_Q8_0) {
			finite &= load_block(block_at(tensor, row, b), &ret_blocks[b]);
			continue;
		}
		if (!load_values(tensor, row * tensor->dim[0] + b * GGUF_Q8_BLOCK, GGUF_Q8_BLOCK,
				 x))
			return false;
		lm_block_quantize(x, &ret_blocks[b]);
		finite &= isfinite(ret_blocks[b].scale) != 0;
	}
	return finite;
}

/* The tensor of that name and shape, or an error that names it. */
static mw_lm_err find_tensor(const struct lm_load *load, const char *name, uint32_t rows,
			     uint32_t cols, const struct gguf_tensor **ret_tensor)
{
	const struct gguf_tensor *tensor = gguf_tensor_find(load->gguf, name);

	if (!tensor)
		return lm_why(load->why, MW_LM_E_FORMAT, "tensor %s is missing", name);
	if (tensor->dim[0] != cols || tensor->dim[1] != rows || tensor->dim[2] != 1 ||
	    tensor->dim[3] != 1)
		return lm_why(load->why, MW_LM_E_FORMAT, "tensor %s: %llu x %llu, not %u x %u",
			      name, (unsigned long long)tensor->dim[1],
			      (unsigned long long)tensor->dim[0], rows, cols);
	if (tensor->size == 0)
		return lm_why(load->why, MW_LM_E_UNSUPPORTED, "tensor %s: weight type %u", name,
			      tensor->type);
	*ret_tensor = tensor;
	return MW_LM_E_OK;
}

static mw_lm_err read_vector(const struct lm_load *load, const char *name, uint32_t n,
			     float **ret_x)
{
	const struct gguf_tensor *tensor;
	mw_lm_err err = find_tensor(load, name, 1, n, &tensor);

	if (err)
		return err;
	*ret_x = lm_arena_take(&load->model->arena, n, sizeof(**ret_x));
	if (!*ret_x)
		return lm_why(load->why, MW_LM_E_MEMORY, "no memory for tensor %s", name);
	if (!lm_row_floats(tensor, 0, *ret_x))
		return lm_why(load->why, MW_LM_E_FORMAT, "tensor %s: a value is not finite", name);
	load->model->info.n_parameters += n;
	return MW_LM_E_OK;
}

static mw_lm_err matrix_new(const struct lm_load *load, const char *name, uint32_t rows,
			    uint32_t cols, struct lm_matrix *ret_matrix)
{
	struct lm_arena *arena = &load->model->arena;
	struct lm_matrix matrix = {.rows = rows, .cols = cols};

	if (load->model->precision == MW_LM_F32)
		matrix.floats = lm_arena_take(arena, (uint64_t)rows * cols, sizeof(float));
	else
		matrix.panels =
		    lm_arena_take(arena, (uint64_t)(lm_pad(rows) / LM_LANES) * (cols / LM_BLOCK),
				  sizeof(struct lm_block));
	if (!matrix.floats && !matrix.panels)
		return lm_why(load->why, MW_LM_E_MEMORY, "no memory for tensor %s", name);
	*ret_matrix = matrix;
	return MW_LM_E_OK;
}

static void pack_block(struct lm_block *panel, uint32_t lane, uint8_t flip,
		       const struct lm_q8_block *block)
{
	uint8_t bytes[LM_BLOCK];

	panel->scale[lane] = block->scale;
	for (size_t i = 0; i < LM_BLOCK; i++)
		bytes[i] = (uint8_t)block->q[i] ^ flip;
	for (size_t g = 0; g < LM_BLOCK / 4; g++)
		memcpy(panel->q[g][lane], bytes + 4 * g, 4);
}

static bool pack_row(const struct lm_matrix *matrix, uint32_t row, uint8_t flip,
		     const struct gguf_tensor *tensor, uint64_t tensor_row,
		     struct lm_q8_block *blocks)
{
	uint32_t n_blocks = matrix->cols / LM_BLOCK;
	struct lm_block *panel;

	if (matrix->floats)
		return lm_row_floats(tensor, tensor_row,
				     matrix->floats + (size_t)row * matrix->cols);
	if (!lm_row_blocks(tensor, tensor_row, blocks))
		return false;
	panel = matrix->panels + (size_t)(row / LM_LANES) * n_blocks;
	for (uint32_t b = 0; b < n_blocks; b++)
		pack_block(&panel[b], row % LM_LANES, flip, &blocks[b]);
	return true;
}

/* Puts a tensor into rows first_row.. of a matrix. */
static mw_lm_err fill_rows(const struct lm_load *load, const char *name, uint32_t first_row,
			   uint32_t rows, const struct lm_matrix *matrix)
{
	struct lm_q8_block blocks[LM_MAX_WIDTH / LM_BLOCK];
	const struct gguf_tensor *tensor;
	mw_lm_err err = find_tensor(load, name, rows, matrix->cols, &tensor);

	for (uint32_t i = 0; i < rows && !err; i++)
		if (!pack_row(matrix, first_row + i, load->model->ops->weight_flip, tensor, i,
			      blocks))
			err = lm_why(load->why, MW_LM_E_FORMAT,
				     "tensor %s: a value of row %u is not finite", name, i);
	load->model->info.n_parameters += err ? 0 : (uint64_t)rows * matrix->cols;
	return err;
}

/* A matrix from n tensors, one below the other. */
static mw_lm_err read_matrix(const struct lm_load *load, const char *const *names,
			     const uint32_t *rows, size_t n, uint32_t cols,
			     struct lm_matrix *ret_matrix)
{
	const struct gguf_tensor *tensor;
	uint32_t total = 0, at = 0;
	mw_lm_err err = MW_LM_E_OK;

	/* shapes first: nothing is allocated for a tensor that the file does not hold */
	for (size_t i = 0; i < n && !err; i++) {
		err = find_tensor(load, names[i], rows[i], cols, &tensor);
		total += rows[i];
	}
	if (!err)
		err = matrix_new(load, names[0], total, cols, ret_matrix);
	for (size_t i = 0; i < n && !err; i++) {
		err = fill_rows(load, names[i], at, rows[i], ret_matrix);
		at += rows[i];
	}
	return err;
}

static const char *layer_tensor(uint32_t layer, const char *name, char ret_name[LAYER_NAME])
{
	(void)snprintf(ret_name, LAYER_NAME, "blk.%u.%s.weight", layer, name);
	return ret_name;
}

/* A matrix from the parts that the architecture names; a single part holds all rows. */
static mw_lm_err read_stack(const struct lm_load *load, uint32_t layer, const char *const *parts,
			    const uint32_t *rows, size_t n_rows, uint32_t cols,
			    struct lm_matrix *ret_matrix)
{
	char texts[4][LAYER_NAME];
	const char *names[4];
	uint32_t all = 0;
	size_t n = 0;

	for (size_t i = 0; i < n_rows; i++)
		all += rows[i];
	for (; n < 4 && parts[n]; n++)
		names[n] = layer_tensor(layer, parts[n], texts[n]);
	return read_matrix(load, names, n == 1 ? &all : rows, n, cols, ret_matrix);
}

static mw_lm_err read_head_norms(const struct lm_load *load, uint32_t i)
{
	uint32_t size = load->model->info.head_size;
	struct lm_layer *layer = &load->model->layers[i];
	char name[LAYER_NAME];
	mw_lm_err err;

	if (!load->model->arch->head_norm)
		return MW_LM_E_OK;
	err = read_vector(load, layer_tensor(i, "attn_q_norm", name), size, &layer->q_norm);
	return err ? err
		   : read_vector(load, layer_tensor(i, "attn_k_norm", name), size, &layer->k_norm);
}

/* Factors of RoPE divide angles: 0 and less have no meaning. */
static mw_lm_err read_rope_factors(const struct lm_load *load)
{
	static const char *const names[] = {"rope_factors_short.weight",
					    "rope_factors_long.weight"};
	struct mw_lm *model = load->model;
	uint32_t half = model->rope_dims / 2;
	mw_lm_err err = MW_LM_E_OK;

	if (!model->arch->long_rope || !gguf_tensor_find(load->gguf, names[1]))
		return MW_LM_E_OK;
	for (size_t i = 0; i < 2 && !err; i++) {
		err = read_vector(load, names[i], half, &model->rope_factors[i]);
		for (uint32_t k = 0; k < half && !err; k++)
			if (!(model->rope_factors[i][k] >= 1e-6f))
				err = lm_why(load->why, MW_LM_E_FORMAT, "tensor %s: %g divides",
					     names[i], (double)model->rope_factors[i][k]);
	}
	return err;
}

static mw_lm_err read_layer(const struct lm_load *load, uint32_t i)
{
	struct mw_lm *model = load->model;
	struct lm_layer *layer = &model->layers[i];
	uint32_t n_embd = model->info.n_embd, size = model->info.head_size;
	const uint32_t qkv[] = {layer->n_head * size, layer->n_kv * size, layer->n_kv * size};
	const uint32_t gate_up[] = {layer->n_ff, layer->n_ff};
	const char *const out[] = {"attn_output", NULL}, *const down[] = {"ffn_down", NULL};
	char name[LAYER_NAME];
	mw_lm_err err;

	err = read_vector(load, layer_tensor(i, "attn_norm", name), n_embd, &layer->attn_norm);
	if (!err)
		err = read_stack(load, i, model->arch->qkv, qkv, 3, n_embd, &layer->qkv);
	if (!err)
		err = read_head_norms(load, i);
	if (!err)
		err = read_stack(load, i, out, &n_embd, 1, qkv[0], &layer->out);
	if (!err)
		err =
		    read_vector(load, layer_tensor(i, "ffn_norm", name), n_embd, &layer->ffn_norm);
	if (!err)
		err =
		    read_stack(load, i, model->arch->gate_up, gate_up, 2, n_embd, &layer->gate_up);
	if (!err)
		err = read_stack(load, i, down, &n_embd, 1, layer->n_ff, &layer->down);
	return err;
}

static mw_lm_err read_head(const struct lm_load *load, size_t i, const char *weight,
			   const char *bias)
{
	struct mw_lm *model = load->model;
	float *value;
	mw_lm_err err = read_vector(load, weight, model->info.n_embd, &model->head_weight[i]);

	if (!err)
		err = read_vector(load, bias, 1, &value);
	if (!err)
		model->head_bias[i] = *value;
	return err;
}

mw_lm_err lm_weights_read(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	uint32_t n_vocab = model->info.n_vocab, n_embd = model->info.n_embd;
	const char *const embd = "token_embd.weight", *const output = "output.weight";
	mw_lm_err err = read_matrix(load, &embd, &n_vocab, 1, n_embd, &model->embd);

	model->output = model->embd;
	if (!err && !model->arch->windows && gguf_tensor_find(load->gguf, output))
		err = read_matrix(load, &output, &n_vocab, 1, n_embd, &model->output);
	if (!err)
		err = read_vector(load, "output_norm.weight", n_embd, &model->output_norm);
	if (!err)
		err = read_rope_factors(load);
	for (uint32_t i = 0; i < model->info.n_layers && !err; i++)
		err = read_layer(load, i);
	if (err || !model->arch->windows)
		return err;
	err = read_head(load, 0, "patch_head.asset.weight", "patch_head.asset.bias");
	return err ? err
		   : read_head(load, 1, "patch_head.channel.weight", "patch_head.channel.bias");
}
