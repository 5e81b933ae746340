/*
 * versus.h by an installed llama.cpp or ik_llama.cpp: peer.sh compiles this file against their
 * public header.  PEER_OLD_CACHE: the header is of the time when the cache had other names.
 */
#include "tests/bench/versus.h"

#include <llama.h>
#include <stdio.h>
#include <stdlib.h>

static struct llama_model *model;
static struct llama_context *context;
static struct llama_batch batch;
static uint32_t n_vocab;
static size_t lengths[VERSUS_MAX_TEXTS];
static int32_t at[VERSUS_MAX_TEXTS]; /* of a text's last token in the batch */

static void die(const char *what)
{
	(void)fprintf(stderr, "versus: %s\n", what);
	exit(EXIT_FAILURE);
}

static void log_nothing(enum ggml_log_level level, const char *line, void *data)
{
	(void)data;
	if (level == GGML_LOG_LEVEL_ERROR)
		(void)fputs(line, stderr);
}

void versus_open(const struct versus_options *options)
{
	struct llama_model_params how = llama_model_default_params();
	struct llama_context_params size = llama_context_default_params();

	llama_log_set(log_nothing, NULL);
	llama_backend_init();
	how.n_gpu_layers = 0;
	model = llama_model_load_from_file(options->path, how);
	if (!model)
		die("the model could not be loaded");
	n_vocab = (uint32_t)llama_vocab_n_tokens(llama_model_get_vocab(model));
	size.n_seq_max = options->n_texts;
	size.n_ctx = options->max_text * options->n_texts;
	size.n_batch = 640;
	size.n_ubatch = 512;
	size.n_threads = options->threads;
	size.n_threads_batch = options->threads;
#ifndef PEER_OLD_CACHE /* it had none by default */
	if (options->plain_attention)
		size.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
#endif
	context = llama_init_from_model(model, size);
	if (!context)
		die("no context");
	batch = llama_batch_init(640, 0, 1);
}

uint32_t versus_vocabulary(void)
{
	return n_vocab;
}

void versus_reset(void)
{
#ifdef PEER_OLD_CACHE
	llama_kv_cache_clear(context);
#else
	llama_memory_clear(llama_get_memory(context), true);
#endif
	for (size_t i = 0; i < VERSUS_MAX_TEXTS; i++)
		lengths[i] = 0;
}

static void put(uint32_t token, size_t to, bool wanted)
{
	int32_t i = batch.n_tokens++;

	batch.token[i] = (llama_token)token;
	batch.pos[i] = (llama_pos)lengths[to]++;
	batch.n_seq_id[i] = 1;
	batch.seq_id[i][0] = (llama_seq_id)to;
	batch.logits[i] = wanted;
	at[to] = i;
}

static void read_batch(void)
{
	if (llama_decode(context, batch) != 0)
		die("llama_decode");
}

void versus_prefill(const uint32_t *tokens, size_t n)
{
	batch.n_tokens = 0;
	for (size_t i = 0; i < n; i++)
		put(tokens[i], 0, i + 1 == n);
	read_batch();
	(void)versus_logits(0);
}

void versus_step(const uint32_t *tokens, size_t n)
{
	batch.n_tokens = 0;
	for (size_t i = 0; i < n; i++)
		put(tokens[i], i, true);
	read_batch();
	(void)versus_logits(0);
}

const float *versus_logits(size_t text)
{
	return llama_get_logits_ith(context, at[text]);
}

void versus_all_logits(const uint32_t *tokens, size_t n, float *ret_logits)
{
	batch.n_tokens = 0;
	for (size_t i = 0; i < n; i++)
		put(tokens[i], 0, true);
	read_batch();
	for (size_t i = 0; i < n; i++) {
		const float *logits = llama_get_logits_ith(context, (int32_t)i);

		for (uint32_t k = 0; k < n_vocab; k++)
			ret_logits[i * n_vocab + k] = logits[k];
	}
}
