#include "model/engine/weights.h"

#include "model/engine/dequant.h"
#include "model/engine/f16.h"
#include "model/engine/model.h"
#include "model/engine/pack.h"

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

bool lm_values(const struct gguf_tensor *tensor, uint64_t first, size_t n, float *ret_x)
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

bool lm_row_floats(const struct gguf_tensor *tensor, uint64_t row, float *ret_x)
{
	uint64_t n = tensor->dim[0];
	bool finite = true;

	for (uint64_t i = 0; i < n; i += LM_DEQUANT)
		finite &= lm_values(tensor, row * n + i,
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

bool lm_row_block(const struct gguf_tensor *tensor, uint64_t row, uint64_t b,
		  struct lm_q8_block *ret_block)
{
	float x[GGUF_Q8_BLOCK];

	if (tensor->type == GGUF_W_Q8_0)
		return load_block(lm_block_at(tensor, row, b), ret_block);
	if (!lm_values(tensor, row * tensor->dim[0] + b * GGUF_Q8_BLOCK, GGUF_Q8_BLOCK, x))
		return false;
	lm_block_quantize(x, ret_block);
	return isfinite(ret_block->scale);
}

bool lm_row_blocks(const struct gguf_tensor *tensor, uint64_t row, struct lm_q8_block *ret_blocks)
{
	bool finite = true;

	for (uint64_t b = 0; b < tensor->dim[0] / GGUF_Q8_BLOCK; b++)
		finite &= lm_row_block(tensor, row, b, &ret_blocks[b]);
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
	uint64_t n = (uint64_t)lm_pad(rows) * cols;

	if (load->model->precision == MW_LM_F32) {
		matrix.floats = lm_arena_take(arena, (uint64_t)rows * cols, sizeof(float));
	} else if (load->model->precision == MW_LM_F16) {
		matrix.halves = lm_arena_take(arena, (uint64_t)rows * cols, sizeof(uint16_t));
	} else {
		matrix.panels.q = lm_arena_take(arena, n, 1);
		matrix.panels.scale = lm_arena_take(arena, n / LM_BLOCK, sizeof(uint16_t));
	}
	if (!matrix.floats && !matrix.halves && !(matrix.panels.q && matrix.panels.scale))
		return lm_why(load->why, MW_LM_E_MEMORY, "no memory for tensor %s", name);
	*ret_matrix = matrix;
	return MW_LM_E_OK;
}

/* Tensors that become one matrix, one below the other. */
struct stack {
	const char *names[4];
	uint32_t rows[4];
	size_t n;
	size_t n_turned; /* the first ones are queries and keys, turned in pairs */
	uint32_t cols;
};

static mw_lm_err fill_stack(const struct lm_load *load, const struct stack *stack,
			    const struct lm_matrix *matrix)
{
	const struct mw_lm *model = load->model;
	struct lm_filling filling = {.matrix = matrix, .head = model->info.head_size};
	mw_lm_err err = MW_LM_E_OK;

	filling.flip = model->ops->weight_flip;
	for (size_t i = 0; i < stack->n && !err; i++) {
		filling.rows = stack->rows[i];
		filling.turned = i < stack->n_turned ? model->rope_dims : 0;
		err =
		    find_tensor(load, stack->names[i], filling.rows, stack->cols, &filling.tensor);
		if (!err)
			err = lm_fill(load, &filling);
		filling.first += filling.rows;
	}
	return err;
}

static mw_lm_err read_matrix(const struct lm_load *load, const struct stack *stack,
			     struct lm_matrix *ret_matrix)
{
	const struct gguf_tensor *tensor;
	uint32_t total = 0;
	mw_lm_err err = MW_LM_E_OK;

	/* shapes first: nothing is allocated for a tensor that the file does not hold */
	for (size_t i = 0; i < stack->n && !err; i++) {
		err = find_tensor(load, stack->names[i], stack->rows[i], stack->cols, &tensor);
		total += stack->rows[i];
	}
	if (!err)
		err = matrix_new(load, stack->names[0], total, stack->cols, ret_matrix);
	return err ? err : fill_stack(load, stack, ret_matrix);
}

static mw_lm_err read_whole(const struct lm_load *load, const char *name, uint32_t rows,
			    uint32_t cols, struct lm_matrix *ret_matrix)
{
	const struct stack stack = {.names = {name}, .rows = {rows}, .n = 1, .cols = cols};

	return read_matrix(load, &stack, ret_matrix);
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
	bool pairs = load->model->arch->rope == LM_ROPE_PAIRS;
	struct stack stack = {.n_turned = pairs && n_rows == 3 ? 2 : 0, .cols = cols};
	char texts[4][LAYER_NAME];
	uint32_t all = 0;

	for (size_t i = 0; i < n_rows; i++)
		all += stack.rows[i] = rows[i];
	for (; stack.n < 4 && parts[stack.n]; stack.n++)
		stack.names[stack.n] = layer_tensor(layer, parts[stack.n], texts[stack.n]);
	if (stack.n == 1)
		stack.rows[0] = all;
	return read_matrix(load, &stack, ret_matrix);
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

/* Memory of a tensor that becomes a matrix, or a vector. */
static uint64_t memory_of(const struct lm_load *load, const struct gguf_tensor *tensor)
{
	uint64_t n = tensor->dim[0] * tensor->dim[1];

	if (tensor->dim[1] < LM_LANES || tensor->dim[1] % LM_LANES)
		return 0;
	if (load->model->precision != MW_LM_INT8)
		return n * (load->model->precision == MW_LM_F32 ? sizeof(float) : sizeof(uint16_t));
	return n + n / LM_BLOCK * sizeof(uint16_t) + 128;
}

/* One block for the matrices, in large pages: processors find few pages faster than many. */
static mw_lm_err reserve(const struct lm_load *load)
{
	uint64_t size = 0;

	for (size_t i = 0; i < load->gguf->n_tensors; i++)
		if (load->gguf->tensors[i].size > 0)
			size += memory_of(load, &load->gguf->tensors[i]);
	return lm_arena_reserve(&load->model->arena, size)
		   ? MW_LM_E_OK
		   : lm_why(load->why, MW_LM_E_MEMORY, "no memory for the weights");
}

mw_lm_err lm_weights_read(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	uint32_t n_vocab = model->info.n_vocab, n_embd = model->info.n_embd;
	const char *const output = "output.weight";
	mw_lm_err err = reserve(load);

	if (!err)
		err = read_whole(load, "token_embd.weight", n_vocab, n_embd, &model->embd);
	model->output = model->embd;
	if (!err && !model->arch->windows && gguf_tensor_find(load->gguf, output))
		err = read_whole(load, output, n_vocab, n_embd, &model->output);
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
