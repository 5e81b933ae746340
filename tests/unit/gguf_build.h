/*
 * gguf_build.h -- makes GGUF files in memory for tests: keys, tensors, and whole models of random
 * weights.
 *
 * Keys first, then tensors, then gguf_build_end.  A failing allocation ends the test program.
 */
#ifndef MW_TESTS_GGUF_BUILD_H
#define MW_TESTS_GGUF_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/f16.h"
#include "model/engine/gguf.h"
#include "model/engine/weights.h"

struct gguf_bytes {
	uint8_t *at;
	size_t size, room;
};

struct gguf_build {
	struct gguf_bytes keys, tensors, data;
	uint64_t n_keys, n_tensors;
	uint64_t seed;
};

static inline void bytes_put(struct gguf_bytes *bytes, const void *data, size_t n)
{
	if (bytes->size + n > bytes->room) {
		bytes->room = 2 * (bytes->size + n) + 64;
		bytes->at = realloc(bytes->at, bytes->room);
		if (!bytes->at)
			abort();
	}
	if (n > 0)
		memcpy(bytes->at + bytes->size, data, n);
	bytes->size += n;
}

static inline void bytes_put_uint(struct gguf_bytes *bytes, uint64_t value, size_t n)
{
	uint8_t raw[8];

	for (size_t i = 0; i < n; i++)
		raw[i] = (uint8_t)(value >> (8 * i));
	bytes_put(bytes, raw, n);
}

static inline void bytes_put_string(struct gguf_bytes *bytes, const char *text)
{
	bytes_put_uint(bytes, strlen(text), 8);
	bytes_put(bytes, text, strlen(text));
}

static inline void build_key(struct gguf_build *build, const char *key, enum gguf_type type)
{
	bytes_put_string(&build->keys, key);
	bytes_put_uint(&build->keys, (uint64_t)type, 4);
	build->n_keys++;
}

static inline void build_string(struct gguf_build *build, const char *key, const char *text)
{
	build_key(build, key, GGUF_STRING);
	bytes_put_string(&build->keys, text);
}

static inline void build_u32(struct gguf_build *build, const char *key, uint32_t value)
{
	build_key(build, key, GGUF_U32);
	bytes_put_uint(&build->keys, value, 4);
}

static inline void build_bool(struct gguf_build *build, const char *key, bool value)
{
	build_key(build, key, GGUF_BOOL);
	bytes_put_uint(&build->keys, value, 1);
}

static inline void build_f32(struct gguf_build *build, const char *key, float value)
{
	build_key(build, key, GGUF_F32);
	bytes_put(&build->keys, &value, 4);
}

static inline void build_array(struct gguf_build *build, const char *key, enum gguf_type type,
			       uint64_t n)
{
	build_key(build, key, GGUF_ARRAY);
	bytes_put_uint(&build->keys, (uint64_t)type, 4);
	bytes_put_uint(&build->keys, n, 8);
}

/* A tensor of rows x cols (a vector has 1 row) from floats, stored as type. */
static inline void build_tensor(struct gguf_build *build, const char *name, uint32_t type,
				uint64_t rows, uint64_t cols, const float *x)
{
	struct gguf_bytes *data = &build->data;
	struct lm_q8_block block;

	while (data->size % 32)
		bytes_put_uint(data, 0, 1);
	bytes_put_string(&build->tensors, name);
	bytes_put_uint(&build->tensors, rows > 1 ? 2 : 1, 4);
	bytes_put_uint(&build->tensors, cols, 8);
	if (rows > 1)
		bytes_put_uint(&build->tensors, rows, 8);
	bytes_put_uint(&build->tensors, type, 4);
	bytes_put_uint(&build->tensors, data->size, 8);
	build->n_tensors++;
	for (uint64_t i = 0; i < rows * cols && type != GGUF_W_Q8_0; i++) {
		if (type == GGUF_W_F32)
			bytes_put(data, &x[i], 4);
		else if (type == GGUF_W_F16)
			bytes_put_uint(data, lm_f16_store(x[i]), 2);
		else
			bytes_put_uint(data, lm_bits(x[i]) >> 16, 2);
	}
	for (uint64_t i = 0; i < rows * cols && type == GGUF_W_Q8_0; i += GGUF_Q8_BLOCK) {
		lm_block_quantize(x + i, &block);
		bytes_put_uint(data, lm_f16_store(block.scale), 2);
		bytes_put(data, block.q, GGUF_Q8_BLOCK);
	}
}

/* A number in [-1, 1), from splitmix64. */
static inline float build_random(struct gguf_build *build)
{
	uint64_t z = build->seed += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	z ^= z >> 31;
	return (float)((double)(z >> 11) * 0x1p-52 - 1.0);
}

/* A tensor of random values: offset + spread * [-1, 1). */
static inline void build_random_tensor(struct gguf_build *build, const char *name, uint32_t type,
				       uint64_t rows, uint64_t cols, float offset, float spread)
{
	float *x = malloc(rows * cols * sizeof(*x));

	if (!x)
		abort();
	for (uint64_t i = 0; i < rows * cols; i++)
		x[i] = offset + spread * build_random(build);
	build_tensor(build, name, type, rows, cols, x);
	free(x);
}

/* The file; the caller frees.  The build is used up. */
static inline uint8_t *gguf_build_end(struct gguf_build *build, size_t *ret_size)
{
	struct gguf_bytes file = {0};

	bytes_put(&file, "GGUF", 4);
	bytes_put_uint(&file, 3, 4);
	bytes_put_uint(&file, build->n_tensors, 8);
	bytes_put_uint(&file, build->n_keys, 8);
	bytes_put(&file, build->keys.at, build->keys.size);
	bytes_put(&file, build->tensors.at, build->tensors.size);
	while (file.size % 32)
		bytes_put_uint(&file, 0, 1);
	bytes_put(&file, build->data.at, build->data.size);
	free(build->keys.at);
	free(build->tensors.at);
	free(build->data.at);
	memset(build, 0, sizeof(*build));
	*ret_size = file.size;
	return file.at;
}

#define BUILD_TOKEN 96

/* A model of random weights. */
struct build_shape {
	const char *arch; /* "millwright" or "llama" */
	uint32_t weights; /* enum gguf_weight of the matrices */
	uint32_t n_embd, n_layers, n_head, n_kv, head_size, n_ff, n_vocab;
	bool asset_prefix; /* of a window model */
	bool untied;       /* of a text model */
	bool per_layer; /* head and feed-forward counts as arrays; odd layers have half the n_ff */
	uint64_t seed;
	float embd; /* spread of the embeddings; 0: 0.5.  Small ones make flat logits */
	/* Text of a token of a window model, into BUILD_TOKEN bytes; NULL: "<t7>". */
	void (*name_token)(uint32_t token, char *ret_text);
};

/* The smallest llama: for tests of what surrounds the weights. */
static inline struct build_shape build_tiny(uint32_t n_vocab)
{
	return (struct build_shape){.arch = "llama",
				    .weights = GGUF_W_Q8_0,
				    .n_embd = 32,
				    .n_layers = 1,
				    .n_head = 2,
				    .n_kv = 1,
				    .head_size = 16,
				    .n_ff = 32,
				    .n_vocab = n_vocab};
}

static inline uint32_t build_layer_ff(const struct build_shape *shape, uint32_t layer)
{
	return shape->per_layer && layer % 2 ? shape->n_ff / 2 : shape->n_ff;
}

static inline const char *build_name(const struct build_shape *shape, const char *suffix)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s.%s", shape->arch, suffix);
	return text;
}

static inline void build_count(struct gguf_build *build, const struct build_shape *shape,
			       const char *key, uint32_t even, uint32_t odd)
{
	if (!shape->per_layer) {
		build_u32(build, build_name(shape, key), even);
		return;
	}
	build_array(build, build_name(shape, key), GGUF_I32, shape->n_layers);
	for (uint32_t i = 0; i < shape->n_layers; i++)
		bytes_put_uint(&build->keys, i % 2 ? odd : even, 4);
}

static inline void build_keys(struct gguf_build *build, const struct build_shape *shape)
{
	build_string(build, "general.architecture", shape->arch);
	build_string(build, "general.name", "random");
	build_u32(build, build_name(shape, "block_count"), shape->n_layers);
	build_u32(build, build_name(shape, "embedding_length"), shape->n_embd);
	build_u32(build, build_name(shape, "context_length"), 512);
	build_u32(build, build_name(shape, "attention.key_length"), shape->head_size);
	build_count(build, shape, "attention.head_count", shape->n_head, shape->n_head);
	build_count(build, shape, "attention.head_count_kv", shape->n_kv, shape->n_kv);
	build_count(build, shape, "feed_forward_length", shape->n_ff, shape->n_ff / 2);
	build_f32(build, build_name(shape, "attention.layer_norm_rms_epsilon"), 1e-5f);
	build_f32(build, build_name(shape, "rope.freq_base"), 10000.0f);
}

static inline void build_window_keys(struct gguf_build *build, const struct build_shape *shape)
{
	char text[BUILD_TOKEN];

	build_u32(build, "millwright.prompt.version", 1);
	build_u32(build, "millwright.prompt.slots", 10);
	build_u32(build, "millwright.prompt.row_length", 20);
	build_u32(build, "millwright.prompt.first_patch", 4);
	build_u32(build, "millwright.prompt.max_channels", 16);
	build_bool(build, "millwright.attention.asset_prefix", shape->asset_prefix);
	build_string(build, "tokenizer.ggml.model", "millwright");
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, shape->n_vocab);
	for (uint32_t i = 0; i < shape->n_vocab; i++) {
		(void)snprintf(text, sizeof(text), "<t%u>", i);
		if (shape->name_token)
			shape->name_token(i, text);
		bytes_put_string(&build->keys, text);
	}
}

static inline void build_layer(struct gguf_build *build, const struct build_shape *shape,
			       uint32_t layer)
{
	uint32_t q = shape->n_head * shape->head_size, kv = shape->n_kv * shape->head_size;
	uint32_t n_embd = shape->n_embd, n_ff = build_layer_ff(shape, layer);
	const struct {
		const char *name;
		uint32_t rows, cols;
	} parts[] = {
	    {"attn_norm", 1, n_embd},   {"attn_q", q, n_embd},      {"attn_k", kv, n_embd},
	    {"attn_v", kv, n_embd},     {"attn_output", n_embd, q}, {"ffn_norm", 1, n_embd},
	    {"ffn_gate", n_ff, n_embd}, {"ffn_up", n_ff, n_embd},   {"ffn_down", n_embd, n_ff}};
	char name[64];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		bool norm = parts[i].rows == 1;

		(void)snprintf(name, sizeof(name), "blk.%u.%s.weight", layer, parts[i].name);
		build_random_tensor(build, name, norm ? (uint32_t)GGUF_W_F32 : shape->weights,
				    parts[i].rows, parts[i].cols, norm ? 1.0f : 0.0f,
				    norm ? 0.3f : 0.2f);
	}
}

static inline uint8_t *build_model(const struct build_shape *shape, size_t *ret_size)
{
	struct gguf_build build = {.seed = shape->seed};
	bool windows = strcmp(shape->arch, "millwright") == 0;
	float embd = shape->embd > 0 ? shape->embd : 0.5f;

	build_keys(&build, shape);
	if (windows)
		build_window_keys(&build, shape);
	build_random_tensor(&build, "token_embd.weight", shape->weights, shape->n_vocab,
			    shape->n_embd, 0, embd);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, shape->n_embd, 1, 0.3f);
	if (shape->untied)
		build_random_tensor(&build, "output.weight", shape->weights, shape->n_vocab,
				    shape->n_embd, 0, 0.5f);
	for (uint32_t i = 0; i < shape->n_layers; i++)
		build_layer(&build, shape, i);
	if (windows) {
		build_random_tensor(&build, "patch_head.asset.weight", GGUF_W_F32, 1, shape->n_embd,
				    0, 0.3f);
		build_random_tensor(&build, "patch_head.asset.bias", GGUF_W_F32, 1, 1, 0, 1);
		build_random_tensor(&build, "patch_head.channel.weight", GGUF_W_F32, 1,
				    shape->n_embd, 0, 0.3f);
		build_random_tensor(&build, "patch_head.channel.bias", GGUF_W_F32, 1, 1, 0, 1);
	}
	return gguf_build_end(&build, ret_size);
}

#endif
