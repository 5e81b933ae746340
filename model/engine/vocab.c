#include "model/engine/model.h"
#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <stdio.h>
#include <string.h>

static mw_lm_err no_memory(const struct lm_load *load)
{
	return lm_why(load->why, MW_LM_E_MEMORY, "no memory for the vocabulary");
}

static bool is_utf8(struct gguf_string string)
{
	const uint8_t *text = (const uint8_t *)string.text;
	size_t at = 0, n = 1;

	for (; at < string.size && n > 0; at += n)
		n = lm_utf8_length(text + at, string.size - at);
	return n > 0;
}

static mw_lm_err copy_tokens(const struct lm_load *load, const struct gguf_value *tokens)
{
	struct mw_lm *model = load->model;
	const uint8_t *cursor = tokens->data;
	uint64_t at = 0;

	model->vocab_at = lm_arena_take(&model->arena, tokens->n, sizeof(*model->vocab_at));
	/* 8 bytes of length before each string make room for its NUL */
	model->vocab_text =
	    lm_arena_take(&model->arena, (uint64_t)(tokens->end - tokens->data) - 7 * tokens->n, 1);
	if (!model->vocab_at || !model->vocab_text)
		return no_memory(load);
	for (uint64_t i = 0; i < tokens->n; i++) {
		struct gguf_string token = gguf_string_next(&cursor);

		if (!is_utf8(token))
			return lm_why(load->why, MW_LM_E_FORMAT,
				      "key tokenizer.ggml.tokens: token %llu is not UTF-8",
				      (unsigned long long)i);
		model->vocab_at[i] = at;
		memcpy(model->vocab_text + at, token.text, token.size);
		at += token.size + 1;
	}
	return MW_LM_E_OK;
}

static mw_lm_err read_tokens(const struct lm_load *load)
{
	const struct gguf_value *tokens = gguf_value_find(load->gguf, "tokenizer.ggml.tokens");

	if (!tokens && !load->model->arch->windows)
		return MW_LM_E_OK;
	if (!tokens || !tokens->is_array || tokens->type != GGUF_STRING)
		return lm_why(load->why, MW_LM_E_FORMAT,
			      "key tokenizer.ggml.tokens is missing or not a list of strings");
	if (tokens->n != load->model->info.n_vocab)
		return lm_why(load->why, MW_LM_E_FORMAT,
			      "key tokenizer.ggml.tokens: %llu tokens, but %u rows of "
			      "token_embd.weight",
			      (unsigned long long)tokens->n, load->model->info.n_vocab);
	return copy_tokens(load, tokens);
}

/* The text of a scalar; false for an array. */
static bool value_text(const struct gguf_value *value, char *text, size_t size)
{
	uint64_t whole;
	double number;

	if (value->is_array || value->type == GGUF_STRING)
		return false;
	if (value->type == GGUF_BOOL && gguf_value_uint(value, 0, &whole))
		(void)snprintf(text, size, "%s", whole ? "true" : "false");
	else if (gguf_value_uint(value, 0, &whole))
		(void)snprintf(text, size, "%llu", (unsigned long long)whole);
	else if (gguf_value_double(value, &number))
		(void)snprintf(text, size, "%.9g", number);
	else
		return false;
	return true;
}

static mw_lm_err check_entry(const struct lm_load *load, const struct gguf_value *value)
{
	struct gguf_string string = {"", 0};

	(void)gguf_value_string(value, &string);
	if (is_utf8(value->key) && is_utf8(string))
		return MW_LM_E_OK;
	return lm_why(load->why, MW_LM_E_FORMAT, "key %.*s: not UTF-8", (int)value->key.size,
		      value->key.text);
}

static bool copy_entry(struct mw_lm *model, const struct gguf_value *value, struct lm_entry *entry)
{
	struct gguf_string string;
	char text[64];

	entry->key = lm_arena_string(&model->arena, value->key.text, value->key.size);
	if (gguf_value_string(value, &string))
		entry->text = lm_arena_string(&model->arena, string.text, string.size);
	else if (value_text(value, text, sizeof(text)))
		entry->text = lm_arena_string(&model->arena, text, strlen(text));
	else
		return entry->key != NULL;
	return entry->key && entry->text;
}

static mw_lm_err copy_tensors(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	const struct gguf *gguf = load->gguf;

	model->tensors = lm_arena_take(&model->arena, gguf->n_tensors, sizeof(*model->tensors));
	if (!model->tensors)
		return no_memory(load);
	for (size_t i = 0; i < gguf->n_tensors; i++) {
		const struct gguf_tensor *from = &gguf->tensors[i];
		struct mw_lm_tensor *tensor = &model->tensors[i];

		if (!is_utf8(from->name))
			return lm_why(load->why, MW_LM_E_FORMAT, "tensor %.*s: not UTF-8",
				      (int)from->name.size, from->name.text);
		tensor->name = lm_arena_string(&model->arena, from->name.text, from->name.size);
		tensor->type = gguf_weight_name(from->type);
		tensor->rows = from->dim[1] * from->dim[2] * from->dim[3];
		tensor->cols = from->dim[0];
		if (!tensor->name)
			return no_memory(load);
		model->n_tensors = i + 1;
	}
	return MW_LM_E_OK;
}

mw_lm_err lm_vocab_read(const struct lm_load *load)
{
	struct mw_lm *model = load->model;
	const struct gguf *gguf = load->gguf;
	const char *name;
	mw_lm_err err;

	model->entries = lm_arena_take(&model->arena, gguf->n_values, sizeof(*model->entries));
	if (!model->entries)
		return no_memory(load);
	for (size_t i = 0; i < gguf->n_values; i++) {
		err = check_entry(load, &gguf->values[i]);
		if (err)
			return err;
		if (!copy_entry(model, &gguf->values[i], &model->entries[i]))
			return no_memory(load);
		model->n_entries = i + 1;
	}
	err = copy_tensors(load);
	if (err)
		return err;
	name = mw_lm_metadata(model, "general.name");
	model->info.name = name ? name : "";
	err = read_tokens(load);
	return err ? err : lm_tokenizer_read(load);
}

const char *mw_lm_metadata(const struct mw_lm *model, const char *key)
{
	for (size_t i = 0; i < model->n_entries; i++)
		if (strcmp(model->entries[i].key, key) == 0)
			return model->entries[i].text;
	return NULL;
}

const char *mw_lm_metadata_key(const struct mw_lm *model, size_t i)
{
	return i < model->n_entries ? model->entries[i].key : NULL;
}

const struct mw_lm_tensor *mw_lm_tensor(const struct mw_lm *model, size_t i)
{
	return i < model->n_tensors ? &model->tensors[i] : NULL;
}

const char *mw_lm_token_text(const struct mw_lm *model, uint32_t token)
{
	if (!model->vocab_at || token >= model->info.n_vocab)
		return NULL;
	return model->vocab_text + model->vocab_at[token];
}

uint32_t mw_lm_token_find(const struct mw_lm *model, const char *text)
{
	for (uint32_t i = 0; model->vocab_at && i < model->info.n_vocab; i++)
		if (strcmp(mw_lm_token_text(model, i), text) == 0)
			return i;
	return MW_LM_NO_TOKEN;
}
