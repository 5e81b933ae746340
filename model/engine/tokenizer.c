#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FNV_OFFSET 14695981039346656037u
#define FNV_PRIME  1099511628211u

static uint64_t hash_bytes(const uint8_t *text, size_t size)
{
	uint64_t hash = FNV_OFFSET;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ text[i]) * FNV_PRIME;
	return hash ^ hash >> 32;
}

static uint64_t hash_pair(uint32_t left, uint32_t right)
{
	uint64_t hash = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;

	return hash ^ hash >> 29;
}

/* One less than a power of two that leaves half of the slots free. */
static uint64_t mask_for(uint64_t n)
{
	uint64_t mask = 15;

	while (mask < 2 * n)
		mask = 2 * mask + 1;
	return mask;
}

static uint32_t *find_slot(const struct mw_lm *model, const uint8_t *text, size_t size)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	uint64_t at = hash_bytes(text, size) & tokenizer->slot_mask;

	for (;; at = (at + 1) & tokenizer->slot_mask) {
		uint32_t token = tokenizer->slots[at];
		const char *known = mw_lm_token_text(model, token);

		if (!known || (strlen(known) == size && memcmp(known, text, size) == 0))
			return &tokenizer->slots[at];
	}
}

uint32_t lm_tokenizer_find(const struct mw_lm *model, const uint8_t *text, size_t size)
{
	return *find_slot(model, text, size);
}

/* The slot of a pair, or the free one where it would stand. */
static struct lm_merge *find_merge(const struct lm_tokenizer *tokenizer, uint32_t left,
				   uint32_t right)
{
	uint64_t at = hash_pair(left, right) & tokenizer->merge_mask;
	struct lm_merge *merge = &tokenizer->merges[at];

	while (merge->rank != MW_LM_NO_TOKEN && (merge->left != left || merge->right != right)) {
		at = (at + 1) & tokenizer->merge_mask;
		merge = &tokenizer->merges[at];
	}
	return merge;
}

bool lm_tokenizer_judge(const struct mw_lm *model, const uint8_t *left, size_t left_size,
			size_t right_size, float *ret_priority)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	uint32_t a, b;

	if (tokenizer->kind == LM_TOKENIZER_SPM) {
		a = lm_tokenizer_find(model, left, left_size + right_size);
		if (a == MW_LM_NO_TOKEN || (tokenizer->types[a] != LM_TOKEN_NORMAL &&
					    tokenizer->types[a] != LM_TOKEN_USER))
			return false;
		*ret_priority = tokenizer->scores[a];
		return true;
	}
	a = lm_tokenizer_find(model, left, left_size);
	b = lm_tokenizer_find(model, left + left_size, right_size);
	if (a == MW_LM_NO_TOKEN || b == MW_LM_NO_TOKEN)
		return false;
	a = find_merge(tokenizer, a, b)->rank;
	*ret_priority = -(float)a;
	return a != MW_LM_NO_TOKEN;
}

/* --- reading ---------------------------------------------------------------------------------- */

static mw_lm_err no_memory(const struct lm_load *load)
{
	return lm_why(load->why, MW_LM_E_MEMORY, "no memory for the tokenizer");
}

/* A list of one element a token, NULL if the file has none. */
static mw_lm_err find_list(const struct lm_load *load, const char *key, enum gguf_type type,
			   const struct gguf_value **ret_list)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);
	uint32_t n = load->model->info.n_vocab;

	if (value && (!value->is_array || value->type != type || value->n != n))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: not a list of %u numbers", key,
			      n);
	*ret_list = value;
	return MW_LM_E_OK;
}

static mw_lm_err read_slots(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	struct mw_lm *model = load->model;

	tokenizer->slot_mask = mask_for(model->info.n_vocab);
	tokenizer->slots =
	    lm_arena_take(&model->arena, tokenizer->slot_mask + 1, sizeof(*tokenizer->slots));
	if (!tokenizer->slots)
		return no_memory(load);
	memset(tokenizer->slots, 0xFF, (size_t)(tokenizer->slot_mask + 1) * sizeof(uint32_t));
	for (uint32_t i = 0; i < model->info.n_vocab; i++) {
		const char *text = mw_lm_token_text(model, i);
		uint32_t *slot = find_slot(model, (const uint8_t *)text, strlen(text));

		if (*slot == MW_LM_NO_TOKEN)
			*slot = i;
	}
	return MW_LM_E_OK;
}

/* Remembers a token that is looked for in texts. */
static void note_special(struct lm_tokenizer *tokenizer, uint8_t type, const char *text)
{
	size_t size = strlen(text);

	if ((type != LM_TOKEN_CONTROL && type != LM_TOKEN_USER) || size > LM_MAX_SPECIAL)
		return;
	tokenizer->special_starts[(uint8_t)text[0]] = true;
	if (size > tokenizer->longest_special)
		tokenizer->longest_special = size;
}

static mw_lm_err read_types(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	static const char key[] = "tokenizer.ggml.token_type";
	struct mw_lm *model = load->model;
	const struct gguf_value *list;
	mw_lm_err err = find_list(load, key, GGUF_I32, &list);
	uint64_t type = LM_TOKEN_NORMAL;

	if (err)
		return err;
	tokenizer->types = lm_arena_take(&model->arena, model->info.n_vocab, 1);
	if (!tokenizer->types)
		return no_memory(load);
	for (uint32_t i = 0; i < model->info.n_vocab; i++) {
		if (list && (!gguf_value_uint(list, i, &type) || type > LM_TOKEN_BYTE))
			return lm_why(load->why, MW_LM_E_FORMAT, "key %s: no type at %u", key, i);
		tokenizer->types[i] = (uint8_t)type;
		note_special(tokenizer, tokenizer->types[i], mw_lm_token_text(model, i));
	}
	return MW_LM_E_OK;
}

static mw_lm_err read_scores(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	static const char key[] = "tokenizer.ggml.scores";
	uint32_t n = load->model->info.n_vocab;
	const struct gguf_value *list;
	mw_lm_err err = find_list(load, key, GGUF_F32, &list);

	if (err)
		return err;
	if (!list)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s is missing", key);
	tokenizer->scores = lm_arena_take(&load->model->arena, n, sizeof(*tokenizer->scores));
	if (!tokenizer->scores)
		return no_memory(load);
	memcpy(tokenizer->scores, list->data, n * sizeof(*tokenizer->scores));
	for (uint32_t i = 0; i < n; i++)
		if (isnan(tokenizer->scores[i]))
			return lm_why(load->why, MW_LM_E_FORMAT, "key %s: no number at %u", key, i);
	return MW_LM_E_OK;
}

/* "left right"; a merge of what are no tokens is never used and is left out. */
static void add_merge(const struct mw_lm *model, struct gguf_string text, uint32_t rank)
{
	const uint8_t *bytes = (const uint8_t *)text.text;
	const uint8_t *blank = text.size > 1 ? memchr(bytes + 1, ' ', text.size - 1) : NULL;
	uint32_t left, right;
	struct lm_merge *merge;
	size_t n;

	if (!blank)
		return;
	n = (size_t)(blank - bytes);
	left = lm_tokenizer_find(model, bytes, n);
	right = lm_tokenizer_find(model, blank + 1, text.size - n - 1);
	if (left == MW_LM_NO_TOKEN || right == MW_LM_NO_TOKEN)
		return;
	merge = find_merge(model->tokenizer, left, right);
	if (merge->rank == MW_LM_NO_TOKEN)
		*merge = (struct lm_merge){left, right, rank};
}

static mw_lm_err read_merges(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	static const char key[] = "tokenizer.ggml.merges";
	const struct gguf_value *list = gguf_value_find(load->gguf, key);
	const uint8_t *cursor;

	/* ranks are compared as floats, which are exact up to there */
	if (!list || !list->is_array || list->type != GGUF_STRING || list->n >= 1u << 24)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: no list of merges", key);
	tokenizer->merge_mask = mask_for(list->n);
	tokenizer->merges = lm_arena_take(&load->model->arena, tokenizer->merge_mask + 1,
					  sizeof(*tokenizer->merges));
	if (!tokenizer->merges)
		return no_memory(load);
	memset(tokenizer->merges, 0xFF,
	       (size_t)(tokenizer->merge_mask + 1) * sizeof(*tokenizer->merges));
	cursor = list->data;
	for (uint32_t i = 0; i < list->n; i++)
		add_merge(load->model, gguf_string_next(&cursor), i);
	return MW_LM_E_OK;
}

static void read_bytes(const struct mw_lm *model, struct lm_tokenizer *tokenizer)
{
	uint8_t text[8];

	for (uint32_t i = 0; i < 256; i++) {
		size_t n;

		if (tokenizer->kind == LM_TOKENIZER_BPE)
			n = lm_utf8_put(lm_byte_char((uint8_t)i), text);
		else
			n = (size_t)snprintf((char *)text, sizeof(text), "<0x%02X>", i);
		tokenizer->bytes[i] = lm_tokenizer_find(model, text, n);
	}
}

/* A token that a key names, or the fallback where the file has no such key. */
static mw_lm_err read_id(const struct lm_load *load, const char *key, uint32_t fallback,
			 uint32_t *ret_id)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);
	uint64_t id = fallback;

	if (value && (value->is_array || !gguf_value_uint(value, 0, &id)))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s is no token", key);
	if (value && id >= load->model->info.n_vocab)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: token %llu of %u", key,
			      (unsigned long long)id, load->model->info.n_vocab);
	*ret_id = id < load->model->info.n_vocab ? (uint32_t)id : MW_LM_NO_TOKEN;
	return MW_LM_E_OK;
}

static mw_lm_err read_flag(const struct lm_load *load, const char *key, bool fallback,
			   bool *ret_flag)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);
	uint64_t flag = fallback;

	if (value &&
	    (value->is_array || value->type != GGUF_BOOL || !gguf_value_uint(value, 0, &flag)))
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s is not true or false", key);
	*ret_flag = flag != 0;
	return MW_LM_E_OK;
}

/* What ends an answer is a control token, even if the file calls it one of the user's: no text may
 * name it. */
static void add_end(struct lm_tokenizer *tokenizer, uint32_t token)
{
	for (uint32_t i = 0; i < tokenizer->n_ends; i++)
		if (tokenizer->ends[i] == token)
			return;
	if (token == MW_LM_NO_TOKEN || tokenizer->n_ends == LM_MAX_ENDS)
		return;
	tokenizer->ends[tokenizer->n_ends++] = token;
	if (tokenizer->types[token] == LM_TOKEN_USER)
		tokenizer->types[token] = LM_TOKEN_CONTROL;
}

/* What the keys name, and the usual names: files often name one end where the model has two. */
static mw_lm_err read_ends(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	static const char *const names[] = {"</s>",         "<|end|>",       "<|im_end|>",
					    "<|eot_id|>",   "<|endoftext|>", "<|end_of_text|>",
					    "<end_of_turn>"};
	bool spm = tokenizer->kind == LM_TOKENIZER_SPM;
	uint32_t token;
	mw_lm_err err =
	    read_id(load, "tokenizer.ggml.eos_token_id", spm ? 2 : MW_LM_NO_TOKEN, &token);

	if (err)
		return err;
	add_end(tokenizer, token);
	err = read_id(load, "tokenizer.ggml.eot_token_id", MW_LM_NO_TOKEN, &token);
	if (err)
		return err;
	add_end(tokenizer, token);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		token = lm_tokenizer_find(load->model, (const uint8_t *)names[i], strlen(names[i]));
		if (token != MW_LM_NO_TOKEN && (tokenizer->types[token] == LM_TOKEN_CONTROL ||
						tokenizer->types[token] == LM_TOKEN_USER))
			add_end(tokenizer, token);
	}
	return MW_LM_E_OK;
}

static mw_lm_err read_habits(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	bool spm = tokenizer->kind == LM_TOKENIZER_SPM;
	bool begins = spm || tokenizer->words == LM_WORDS_LLAMA3;
	mw_lm_err err =
	    read_id(load, "tokenizer.ggml.bos_token_id", spm ? 1 : MW_LM_NO_TOKEN, &tokenizer->bos);

	if (!err)
		err = read_id(load, "tokenizer.ggml.unknown_token_id", spm ? 0 : MW_LM_NO_TOKEN,
			      &tokenizer->unknown);
	if (!err)
		err = read_flag(load, "tokenizer.ggml.add_bos_token", begins, &tokenizer->add_bos);
	if (!err)
		err = read_flag(load, "tokenizer.ggml.add_space_prefix", spm,
				&tokenizer->space_prefix);
	tokenizer->add_bos &= tokenizer->bos != MW_LM_NO_TOKEN;
	tokenizer->space_prefix &= spm;
	tokenizer->strips = spm && strcmp(load->model->arch->name, "phi3") == 0;
	tokenizer->whole_words = tokenizer->words == LM_WORDS_LLAMA3;
	return err ? err : read_ends(load, tokenizer);
}

/* Whether the tokenizer is one that is known; else the model says why it has none. */
static bool find_kind(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	struct mw_lm *model = load->model;
	const char *kind = mw_lm_metadata(model, "tokenizer.ggml.model");
	const char *pre = mw_lm_metadata(model, "tokenizer.ggml.pre");
	char text[160];

	tokenizer->kind = LM_TOKENIZER_SPM;
	if (kind && strcmp(kind, "llama") == 0)
		return true;
	tokenizer->kind = LM_TOKENIZER_BPE;
	if (kind && strcmp(kind, "gpt2") == 0 &&
	    lm_words_find(pre ? pre : "gpt-2", &tokenizer->words))
		return true;
	if (kind && strcmp(kind, "gpt2") == 0)
		(void)snprintf(text, sizeof(text),
			       "key tokenizer.ggml.pre: the splitting '%.64s' is not known", pre);
	else
		(void)snprintf(text, sizeof(text),
			       "key tokenizer.ggml.model: the tokenizer '%.64s' is not known",
			       kind ? kind : "");
	model->no_tokenizer = lm_arena_string(&model->arena, text, strlen(text));
	return false;
}

static mw_lm_err read_all(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	mw_lm_err err = read_slots(load, tokenizer);

	if (!err)
		err = read_types(load, tokenizer);
	if (!err)
		err = tokenizer->kind == LM_TOKENIZER_SPM ? read_scores(load, tokenizer)
							  : read_merges(load, tokenizer);
	if (err)
		return err;
	read_bytes(load->model, tokenizer);
	return read_habits(load, tokenizer);
}

mw_lm_err lm_tokenizer_read(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	struct lm_tokenizer *tokenizer;

	model->no_tokenizer = "the file has no vocabulary";
	if (!model->vocab_at)
		return MW_LM_E_OK;
	tokenizer = lm_arena_take(&model->arena, 1, sizeof(*tokenizer));
	if (!tokenizer)
		return no_memory(load);
	if (!find_kind(load, tokenizer))
		return model->no_tokenizer ? MW_LM_E_OK : no_memory(load);
	model->no_tokenizer = NULL;
	model->tokenizer = tokenizer;
	return read_all(load, tokenizer);
}

const char *mw_lm_tokenizer_name(const struct mw_lm *model, const char **ret_why)
{
	static const char *const words[] = {
	    [LM_WORDS_GPT2] = "byte-level BPE, words as GPT-2's",
	    [LM_WORDS_DIGITS] = "byte-level BPE, words as GPT-2's, numbers alone",
	    [LM_WORDS_LLAMA3] = "byte-level BPE, words as Llama 3's",
	    [LM_WORDS_QWEN2] = "byte-level BPE, words as Qwen 2's"};

	if (ret_why)
		*ret_why = model->no_tokenizer;
	if (!model->tokenizer)
		return NULL;
	return model->tokenizer->kind == LM_TOKENIZER_SPM ? "SentencePiece BPE"
							  : words[model->tokenizer->words];
}
