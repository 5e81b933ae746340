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

/* A list of one element a token; NULL if the file has none of that type. */
static const struct gguf_value *find_list(const struct lm_load *load, const char *key,
					  enum gguf_type type)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);

	return value && value->is_array && value->type == type &&
		       value->n == load->model->info.n_vocab
		   ? value
		   : NULL;
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
	struct mw_lm *model = load->model;
	const struct gguf_value *list = find_list(load, "tokenizer.ggml.token_type", GGUF_I32);
	uint64_t type;

	tokenizer->types = lm_arena_take(&model->arena, model->info.n_vocab, 1);
	if (!tokenizer->types)
		return no_memory(load);
	for (uint32_t i = 0; i < model->info.n_vocab; i++) {
		tokenizer->types[i] = LM_TOKEN_NORMAL;
		if (list && gguf_value_uint(list, i, &type) && type <= LM_TOKEN_BYTE)
			tokenizer->types[i] = (uint8_t)type;
		note_special(tokenizer, tokenizer->types[i], mw_lm_token_text(model, i));
	}
	return MW_LM_E_OK;
}

static mw_lm_err read_scores(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	static const char key[] = "tokenizer.ggml.scores";
	const struct gguf_value *list = find_list(load, key, GGUF_F32);
	uint32_t n = load->model->info.n_vocab;

	if (!list)
		return lm_why(load->why, MW_LM_E_FORMAT, "key %s: no list of %u numbers", key, n);
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

/* A token that a key names; else the fallback, if there is one. */
static uint32_t read_id(const struct lm_load *load, const char *key, uint32_t fallback)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);
	uint64_t id = fallback;

	if (value && (value->is_array || !gguf_value_uint(value, 0, &id)))
		id = fallback;
	return id < load->model->info.n_vocab ? (uint32_t)id : MW_LM_NO_TOKEN;
}

static bool read_flag(const struct lm_load *load, const char *key, bool fallback)
{
	const struct gguf_value *value = gguf_value_find(load->gguf, key);
	uint64_t flag = fallback;

	return value && gguf_value_uint(value, 0, &flag) ? flag != 0 : fallback;
}

static void read_habits(const struct lm_load *load, struct lm_tokenizer *tokenizer)
{
	bool spm = tokenizer->kind == LM_TOKENIZER_SPM;

	tokenizer->bos = read_id(load, "tokenizer.ggml.bos_token_id", spm ? 1 : MW_LM_NO_TOKEN);
	tokenizer->eos = read_id(load, "tokenizer.ggml.eos_token_id", spm ? 2 : MW_LM_NO_TOKEN);
	tokenizer->eot = read_id(load, "tokenizer.ggml.eot_token_id", MW_LM_NO_TOKEN);
	tokenizer->unknown =
	    read_id(load, "tokenizer.ggml.unknown_token_id", spm ? 0 : MW_LM_NO_TOKEN);
	tokenizer->add_bos = read_flag(load, "tokenizer.ggml.add_bos_token", spm) &&
			     tokenizer->bos != MW_LM_NO_TOKEN;
	tokenizer->space_prefix = spm && read_flag(load, "tokenizer.ggml.add_space_prefix", true);
	if (tokenizer->eot == MW_LM_NO_TOKEN) /* Phi-3 */
		tokenizer->eot =
		    lm_tokenizer_find(load->model, (const uint8_t *)"<|end|>", strlen("<|end|>"));
}

static bool has_text(const struct lm_load *load, const char *key, const char *wanted)
{
	const char *text = mw_lm_metadata(load->model, key);

	return text && strcmp(text, wanted) == 0;
}

/* Other ways of splitting words than GPT-2's are not known. */
static bool find_kind(const struct lm_load *load, enum lm_tokenizer_kind *ret_kind)
{
	static const char pre[] = "tokenizer.ggml.pre";

	*ret_kind = LM_TOKENIZER_SPM;
	if (has_text(load, "tokenizer.ggml.model", "llama"))
		return true;
	*ret_kind = LM_TOKENIZER_BPE;
	return has_text(load, "tokenizer.ggml.model", "gpt2") &&
	       (!mw_lm_metadata(load->model, pre) || has_text(load, pre, "gpt-2") ||
		has_text(load, pre, "default"));
}

mw_lm_err lm_tokenizer_read(const struct lm_load *load)
{
	enum lm_tokenizer_kind kind;
	struct lm_tokenizer *tokenizer;
	mw_lm_err err;

	if (!load->model->vocab_at || !find_kind(load, &kind))
		return MW_LM_E_OK;
	tokenizer = lm_arena_take(&load->model->arena, 1, sizeof(*tokenizer));
	if (!tokenizer)
		return no_memory(load);
	load->model->tokenizer = tokenizer;
	tokenizer->kind = kind;
	err = read_slots(load, tokenizer);
	if (!err)
		err = read_types(load, tokenizer);
	if (!err)
		err = kind == LM_TOKENIZER_SPM ? read_scores(load, tokenizer)
					       : read_merges(load, tokenizer);
	if (err)
		return err;
	read_bytes(load->model, tokenizer);
	read_habits(load, tokenizer);
	return MW_LM_E_OK;
}
