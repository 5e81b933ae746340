#include "model/engine/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Those whose RoPE turns pairs hold queries and keys as tensors of their own. */
static const struct lm_arch archs[] = {
    {.name = "millwright",
     .rope = LM_ROPE_HALVES,
     .windows = true,
     .qkv = {"attn_q", "attn_k", "attn_v"},
     .gate_up = {"ffn_gate", "ffn_up"}},
    {.name = "llama",
     .rope = LM_ROPE_PAIRS,
     .half_scales = true,
     .qkv = {"attn_q", "attn_k", "attn_v"},
     .gate_up = {"ffn_gate", "ffn_up"}},
    {.name = "openelm",
     .rope = LM_ROPE_HALVES,
     .head_norm = true,
     .half_scales = true,
     .qkv = {"attn_qkv"},
     .gate_up = {"ffn_gate", "ffn_up"}},
    {.name = "phi3",
     .rope = LM_ROPE_HALVES,
     .long_rope = true,
     .half_scales = true,
     .scaled_queries = true,
     .window_at_4k = 2047,
     .qkv = {"attn_qkv"},
     .gate_up = {"ffn_up"}},
};

/* A whole number of the architecture: its key, where it goes and what it may be. */
struct number {
	const char *key;
	uint32_t *ret_number;
	uint32_t min, max;
};

static const struct gguf_value *find(const struct lm_load *load, const char *suffix, char *key,
				     size_t key_size)
{
	(void)snprintf(key, key_size, "%s.%s", load->model->arch->name, suffix);
	return gguf_value_find(load->gguf, key);
}

/* Element i of a value, or the scalar for every i. */
static mw_lm_err read_element(const struct lm_load *load, const struct number *number, uint64_t i)
{
	char key[GGUF_MAX_NAME];
	const struct gguf_value *value = find(load, number->key, key, sizeof(key));
	uint64_t found;

	if (!value)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s is missing", key);
	if (!gguf_value_uint(value, value->is_array ? i : 0, &found))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: no whole number at %llu", key,
			      (unsigned long long)i);
	if (found < number->min || found > number->max)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: %llu is not in %u..%u", key,
			      (unsigned long long)found, number->min, number->max);
	*number->ret_number = (uint32_t)found;
	return MW_LM_E_OK;
}

static mw_lm_err read_numbers(const struct lm_load *load, const struct number *numbers, size_t n)
{
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < n && !err; i++)
		err = read_element(load, &numbers[i], 0);
	return err;
}

/* Whether the key is there; a value of the wrong type is an error. */
static mw_lm_err read_double(const struct lm_load *load, const char *suffix, double fallback,
			     double min, double max, double *ret_number)
{
	char key[GGUF_MAX_NAME];
	const struct gguf_value *value = find(load, suffix, key, sizeof(key));
	double number = fallback;

	if (value && !gguf_value_double(value, &number))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s is not a number", key);
	if (!(number >= min && number <= max))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: %g is not in %g..%g", key, number,
			      min, max);
	*ret_number = number;
	return MW_LM_E_OK;
}

static mw_lm_err find_arch(const struct lm_load *load)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, "general.architecture");
	struct gguf_string name;

	if (!value || !gguf_value_string(value, &name))
		return lm_why(load->why, MW_LM_E_FORMAT, "key general.architecture is missing");
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		if (strlen(archs[i].name) == name.size &&
		    memcmp(archs[i].name, name.text, name.size) == 0) {
			load->model->arch = &archs[i];
			load->model->info.architecture = archs[i].name;
			return MW_LM_E_OK;
		}
	}
	return lm_why(load->why, MW_LM_E_UNSUPPORTED, "architecture %.*s", (int)name.size,
		      name.text);
}

static mw_lm_err read_window(const struct lm_load *load)
{
	struct mw_lm_info *info = &load->model->info;
	uint32_t version, prefix, max_channels;
	const struct number numbers[] = {
	    {"prompt.version", &version, 1, 2},
	    {"prompt.slots", &info->slots, 1, LM_MAX_SLOTS},
	    {"prompt.row_length", &info->row_length, 1, LM_MAX_ROW},
	    {"prompt.first_patch", &info->first_patch, 0, LM_MAX_ROW},
	    {"prompt.max_channels", &max_channels, 1, 4096},
	    {"attention.asset_prefix", &prefix, 0, 1},
	};
	mw_lm_err err = read_numbers(load, numbers, sizeof(numbers) / sizeof(numbers[0]));

	if (err)
		return err;
	if (info->first_patch >= info->row_length)
		return lm_why(load->why, MW_LM_E_FORMAT,
			      "key millwright.prompt.first_patch: no patch in a row of %u",
			      info->row_length);
	info->asset_prefix = prefix == 1;
	info->max_rows = 1 + max_channels;
	info->n_patches = info->row_length - info->first_patch;
	return MW_LM_E_OK;
}

/* Whether RoPE is scaled in a way that the architecture does not know. */
static bool is_strange_rope(const struct lm_load *load)
{
	char key[GGUF_MAX_NAME];
	const struct gguf_value *value = find(load, "rope.scaling.type", key, sizeof(key));
	struct gguf_string type = {"", 0};
	bool is_long;

	if (gguf_tensor_find(load->gguf, "rope_freqs.weight"))
		return true;
	if (!value)
		return false;
	if (!gguf_value_string(value, &type))
		return true;
	is_long = type.size == 8 && memcmp(type.text, "longrope", 8) == 0;
	return !(is_long && load->model->arch->long_rope) &&
	       !(type.size == 4 && memcmp(type.text, "none", 4) == 0);
}

/* Factors are tensors, short and long; which of them is a matter of the length that was read. */
static mw_lm_err read_long_rope(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	const struct number original = {"rope.scaling.original_context_length", &model->rope_short,
					1, LM_MAX_CONTEXT};
	double gain = 1;
	mw_lm_err err;

	model->rope_gain = 1;
	model->rope_short = model->info.n_context;
	if (!model->arch->long_rope || !gguf_tensor_find(load->gguf, "rope_factors_long.weight"))
		return MW_LM_E_OK;
	err = read_element(load, &original, 0);
	if (!err)
		err = read_double(load, "rope.scaling.attn_factor", 1, 1e-3, 1e3, &gain);
	model->rope_gain = (float)gain;
	return err;
}

static mw_lm_err read_sliding_window(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	char key[GGUF_MAX_NAME];
	const struct number window = {"attention.sliding_window", &model->sliding_window, 0,
				      LM_MAX_CONTEXT};

	if (model->arch->windows)
		return MW_LM_E_OK;
	if (find(load, window.key, key, sizeof(key)))
		return read_element(load, &window, 0);
	if (model->info.n_context == 4096)
		model->sliding_window = model->arch->window_at_4k;
	return MW_LM_E_OK;
}

static mw_lm_err read_rope(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	char key[GGUF_MAX_NAME];
	const struct number dims = {"rope.dimension_count", &model->rope_dims, 2,
				    model->info.head_size};
	mw_lm_err err;

	if (is_strange_rope(load))
		return lm_why(load->why, MW_LM_E_UNSUPPORTED, "scaled RoPE");
	model->rope_dims = model->info.head_size;
	if (find(load, dims.key, key, sizeof(key))) {
		err = read_element(load, &dims, 0);
		if (err)
			return err;
	}
	if (model->rope_dims % 2)
		return lm_why(load->why, MW_LM_E_FORMAT, "an odd number of dimensions turns (%u)",
			      model->rope_dims);
	err = read_double(load, "rope.freq_base", 10000.0, 1.0, 1e12, &model->rope_base);
	return err ? err : read_long_rope(load);
}

/* The head size is stated, or the width over the heads of the first layer. */
static mw_lm_err read_head_size(const struct lm_load *load)
{
	struct mw_lm_info *info = &load->model->info;
	char key[GGUF_MAX_NAME];
	uint32_t n_head;
	const struct number heads = {"attention.head_count", &n_head, 1, LM_MAX_WIDTH};
	const struct number size = {"attention.key_length", &info->head_size, 2, LM_MAX_HEAD_SIZE};
	mw_lm_err err;

	if (find(load, size.key, key, sizeof(key))) {
		err = read_element(load, &size, 0);
	} else {
		err = read_element(load, &heads, 0);
		if (!err)
			info->head_size = info->n_embd / n_head;
	}
	if (!err &&
	    (info->head_size < 2 || info->head_size > LM_MAX_HEAD_SIZE || info->head_size % 2))
		return lm_why(load->why, MW_LM_E_FORMAT, "heads of %u values", info->head_size);
	return err;
}

static mw_lm_err read_layer(const struct lm_load *load, uint32_t i)
{
	struct mw_lm *model = load->model;
	struct lm_layer *layer = &model->layers[i];
	uint32_t most = LM_MAX_WIDTH / model->info.head_size;
	char key[GGUF_MAX_NAME];
	bool grouped = find(load, "attention.head_count_kv", key, sizeof(key)) != NULL;
	const struct number numbers[] = {
	    {"attention.head_count", &layer->n_head, 1, most},
	    {grouped ? "attention.head_count_kv" : "attention.head_count", &layer->n_kv, 1, most},
	    {"feed_forward_length", &layer->n_ff, 1, LM_MAX_WIDTH / 2},
	};
	mw_lm_err err = MW_LM_E_OK;

	for (size_t k = 0; k < 3 && !err; k++)
		err = read_element(load, &numbers[k], i);
	if (err)
		return err;
	if (layer->n_head % layer->n_kv)
		return lm_why(load->why, MW_LM_E_FORMAT, "layer %u: %u heads over %u key heads", i,
			      layer->n_head, layer->n_kv);
	if (layer->n_ff % LM_BLOCK || layer->n_head * model->info.head_size % LM_BLOCK)
		return lm_why(load->why, MW_LM_E_UNSUPPORTED,
			      "layer %u: a width is not a multiple of %u", i, LM_BLOCK);
	return MW_LM_E_OK;
}

static mw_lm_err read_layers(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	mw_lm_err err = MW_LM_E_OK;

	model->layers = lm_arena_take(&model->arena, model->info.n_layers, sizeof(*model->layers));
	if (!model->layers)
		return lm_why(load->why, MW_LM_E_MEMORY, "no memory for the layers");
	for (uint32_t i = 0; i < model->info.n_layers && !err; i++)
		err = read_layer(load, i);
	return err;
}

/* The rows of the embedding are the vocabulary: its list of tokens is checked against them. */
static mw_lm_err read_vocab_size(const struct lm_load *load)
{
	const struct gguf_tensor *tensor = gguf_tensor_find(load->gguf, "token_embd.weight");

	if (!tensor)
		return lm_why(load->why, MW_LM_E_FORMAT, "tensor token_embd.weight is missing");
	if (tensor->dim[1] > (load->model->arch->windows ? MW_LM_NO_CODE : LM_MAX_VOCAB))
		return lm_why(load->why, MW_LM_E_UNSUPPORTED,
			      "tensor token_embd.weight: %llu tokens are too many",
			      (unsigned long long)tensor->dim[1]);
	load->model->info.n_vocab = (uint32_t)tensor->dim[1];
	return MW_LM_E_OK;
}

mw_lm_err lm_arch_read(const struct lm_load *load)
{
	struct mw_lm_info *info = &load->model->info;
	const struct number numbers[] = {
	    {"block_count", &info->n_layers, 1, LM_MAX_LAYERS},
	    {"embedding_length", &info->n_embd, LM_BLOCK, LM_MAX_WIDTH},
	    {"context_length", &info->n_context, 1, LM_MAX_CONTEXT},
	};
	double eps = 0;
	mw_lm_err err = find_arch(load);

	if (!err)
		err = read_numbers(load, numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (!err && info->n_embd % LM_BLOCK)
		err = lm_why(load->why, MW_LM_E_UNSUPPORTED, "a width of %u", info->n_embd);
	if (!err)
		err = read_double(load, "attention.layer_norm_rms_epsilon", 1e-5, 0, 1, &eps);
	load->model->eps = (float)eps;
	if (!err)
		err = read_vocab_size(load);
	if (!err)
		err = read_head_size(load);
	if (!err)
		err = read_rope(load);
	if (!err)
		err = read_sliding_window(load);
	if (!err)
		err = read_layers(load);
	return err || !load->model->arch->windows ? err : read_window(load);
}
