/* Text to tokens and back. */
#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <stdlib.h>
#include <string.h>

#define LOWER_BLOCK      "\xE2\x96\x81" /* U+2581 stands for a blank */
#define LOWER_BLOCK_SIZE 3u

struct encoder {
	struct lm_merger merger;
	uint8_t *written; /* [room]: a stretch of text as the vocabulary writes it */
	uint32_t *tokens;
	size_t n, max;
	bool full;
};

static void emit(struct encoder *out, uint32_t token)
{
	if (token == MW_LM_NO_TOKEN)
		return;
	if (out->n == out->max)
		out->full = true;
	else
		out->tokens[out->n++] = token;
}

static bool is_plain(const struct lm_tokenizer *tokenizer, uint32_t token)
{
	return token != MW_LM_NO_TOKEN && (tokenizer->types[token] == LM_TOKEN_NORMAL ||
					   tokenizer->types[token] == LM_TOKEN_USER);
}

/* A piece that is no token goes as its bytes, and what is no byte either as unknown. */
static void emit_piece(struct encoder *out, const uint8_t *text, size_t size)
{
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;
	uint32_t token = lm_tokenizer_find(out->merger.model, text, size);

	if (is_plain(tokenizer, token)) {
		emit(out, token);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		token = tokenizer->kind == LM_TOKENIZER_SPM ? tokenizer->bytes[text[i]]
							    : MW_LM_NO_TOKEN;
		if (token == MW_LM_NO_TOKEN) {
			emit(out, tokenizer->unknown);
			return;
		}
		emit(out, token);
	}
}

static void emit_written(struct encoder *out, size_t size)
{
	const struct lm_merger *merger = &out->merger;

	lm_merger_run(&out->merger, out->written, size);
	for (size_t i = 0; i < merger->n_pieces; i++)
		if (merger->pieces[i].size > 0)
			emit_piece(out, out->written + merger->pieces[i].at,
				   merger->pieces[i].size);
}

/* Blanks become U+2581, and one stands before the text. */
static void encode_spm(struct encoder *out, const uint8_t *text, size_t size, bool prefix)
{
	size_t n = 0;

	for (size_t i = prefix ? 0 : 1; i <= size; i++) {
		if (i > 0 && text[i - 1] != ' ') {
			out->written[n++] = text[i - 1];
			continue;
		}
		memcpy(out->written + n, LOWER_BLOCK, LOWER_BLOCK_SIZE);
		n += LOWER_BLOCK_SIZE;
	}
	emit_written(out, n);
}

static void encode_bpe(struct encoder *out, const uint8_t *text, size_t size)
{
	while (size > 0) {
		size_t length = lm_word_length(text, size), n = 0;

		for (size_t i = 0; i < length; i++)
			n += lm_utf8_put(lm_byte_char(text[i]), out->written + n);
		emit_written(out, n);
		text += length;
		size -= length;
	}
}

/* The longest special token at the beginning of text; 0 bytes if there is none. */
static size_t special_length(const struct mw_lm *model, enum mw_lm_encoding encoding,
			     const uint8_t *text, size_t size, uint32_t *ret_token)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	size_t n = size < tokenizer->longest_special ? size : tokenizer->longest_special;

	for (; n > 0 && tokenizer->special_starts[text[0]]; n--) {
		uint32_t token = lm_tokenizer_find(model, text, n);

		if (token == MW_LM_NO_TOKEN)
			continue;
		if (tokenizer->types[token] == LM_TOKEN_USER ||
		    (tokenizer->types[token] == LM_TOKEN_CONTROL && encoding == MW_LM_SPECIALS)) {
			*ret_token = token;
			return n;
		}
	}
	return 0;
}

static void encode_stretch(struct encoder *out, const uint8_t *text, size_t size, bool first)
{
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;

	if (size == 0)
		return;
	if (tokenizer->kind == LM_TOKENIZER_SPM)
		encode_spm(out, text, size, first && tokenizer->space_prefix);
	else
		encode_bpe(out, text, size);
}

static void encode_all(struct encoder *out, enum mw_lm_encoding encoding, const uint8_t *text,
		       size_t size)
{
	const struct mw_lm *model = out->merger.model;
	size_t from = 0, at = 0;
	uint32_t token;

	if (model->tokenizer->add_bos)
		emit(out, model->tokenizer->bos);
	while (at < size) {
		size_t n = special_length(model, encoding, text + at, size - at, &token);

		if (n == 0) {
			at++;
			continue;
		}
		encode_stretch(out, text + from, at - from, from == 0);
		emit(out, token);
		at += n;
		from = at;
	}
	encode_stretch(out, text + from, size - from, from == 0);
}

mw_lm_err mw_lm_encode(const struct mw_lm *model, const char *text, size_t size,
		       enum mw_lm_encoding encoding, uint32_t *ret_tokens, size_t max,
		       size_t *ret_n)
{
	size_t room = 3 * (size + 1);
	struct encoder out = {.merger = {.model = model}, .tokens = ret_tokens, .max = max};
	mw_lm_err err = MW_LM_E_MEMORY;

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	if (size > MW_LM_MAX_TEXT)
		return MW_LM_E_ARGUMENT;
	out.written = malloc(room);
	out.merger.pieces = malloc(room * sizeof(*out.merger.pieces));
	out.merger.heap = malloc(3 * room * sizeof(*out.merger.heap));
	if (out.written && out.merger.pieces && out.merger.heap) {
		encode_all(&out, encoding, (const uint8_t *)text, size);
		err = out.full ? MW_LM_E_FULL : MW_LM_E_OK;
	}
	if (!err)
		*ret_n = out.n;
	free(out.written);
	free(out.merger.pieces);
	free(out.merger.heap);
	return err;
}

/* --- back ------------------------------------------------------------------------------------- */

struct decoder {
	char *text;
	size_t n, max;
	bool full;
};

static void put(struct decoder *out, const void *bytes, size_t n)
{
	if (n > out->max - out->n) {
		out->full = true;
		return;
	}
	memcpy(out->text + out->n, bytes, n);
	out->n += n;
}

static void decode_spm(struct decoder *out, const struct lm_tokenizer *tokenizer, const char *text,
		       uint32_t token)
{
	if (tokenizer->types[token] == LM_TOKEN_BYTE) {
		uint8_t byte = (uint8_t)strtoul(strlen(text) == 6 ? text + 3 : "0", NULL, 16);

		put(out, &byte, 1);
		return;
	}
	while (*text) {
		bool blank = strncmp(text, LOWER_BLOCK, LOWER_BLOCK_SIZE) == 0;

		put(out, blank ? " " : text, 1);
		text += blank ? LOWER_BLOCK_SIZE : 1;
	}
}

/* Characters that stand for no byte are text: a token that the user defined. */
static void decode_bpe(struct decoder *out, const char *text)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t size = strlen(text), at = 0;

	while (at < size) {
		size_t length = lm_utf8_length(bytes + at, size - at);
		int known = lm_char_byte(lm_utf8_char(bytes + at, length));
		uint8_t byte = (uint8_t)known;

		put(out, known < 0 ? bytes + at : &byte, known < 0 ? length : 1);
		at += length;
	}
}

/* strip: without the blank at its beginning */
static void decode_token(struct decoder *out, const struct mw_lm *model, uint32_t token, bool strip)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	const char *text = mw_lm_token_text(model, token);

	if (tokenizer->types[token] == LM_TOKEN_CONTROL)
		return;
	if (tokenizer->types[token] == LM_TOKEN_USER)
		put(out, text, strlen(text));
	else if (strip && strncmp(text, LOWER_BLOCK, LOWER_BLOCK_SIZE) == 0)
		decode_spm(out, tokenizer, text + LOWER_BLOCK_SIZE, token);
	else if (tokenizer->kind == LM_TOKENIZER_SPM)
		decode_spm(out, tokenizer, text, token);
	else
		decode_bpe(out, text);
}

mw_lm_err mw_lm_decode(const struct mw_lm *model, const uint32_t *tokens, size_t n, bool at_start,
		       char *ret_text, size_t max, size_t *ret_size)
{
	struct decoder out = {.text = ret_text, .max = max};
	bool strip = at_start && model->tokenizer && model->tokenizer->space_prefix;

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	for (size_t i = 0; i < n; i++) {
		if (tokens[i] >= model->info.n_vocab)
			return MW_LM_E_ARGUMENT;
		decode_token(&out, model, tokens[i], strip);
		strip = strip && tokens[i] == model->tokenizer->bos;
	}
	if (out.full)
		return MW_LM_E_FULL;
	*ret_size = out.n;
	return MW_LM_E_OK;
}

bool mw_lm_token_ends(const struct mw_lm *model, uint32_t token)
{
	return model->tokenizer &&
	       (token == model->tokenizer->eos || token == model->tokenizer->eot);
}
