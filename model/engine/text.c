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

/* Whether a token may come out of joining.  In byte-level BPE those of the user may not: their texts
 * are written as they are, not by the characters of bytes. */
static bool is_plain(const struct lm_tokenizer *tokenizer, uint32_t token)
{
	if (token == MW_LM_NO_TOKEN)
		return false;
	return tokenizer->types[token] == LM_TOKEN_NORMAL ||
	       (tokenizer->types[token] == LM_TOKEN_USER && tokenizer->kind == LM_TOKENIZER_SPM);
}

/* The token of a byte, or of the character that stands for one; *ret_size: its bytes in text. */
static uint32_t byte_token(const struct encoder *out, const uint8_t *text, size_t size,
			   size_t *ret_size)
{
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;
	uint32_t token;

	*ret_size = 1;
	if (tokenizer->kind == LM_TOKENIZER_SPM)
		return tokenizer->bytes[text[0]];
	if (lm_utf8_length(text, size) > 0)
		*ret_size = lm_utf8_length(text, size);
	token = lm_tokenizer_find(out->merger.model, text, *ret_size);
	return is_plain(tokenizer, token) ? token : MW_LM_NO_TOKEN;
}

/* A piece that is no token goes as its bytes, and what is no byte either as unknown. */
static void emit_piece(struct encoder *out, const uint8_t *text, size_t size)
{
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;
	uint32_t token = lm_tokenizer_find(out->merger.model, text, size);
	size_t one;

	if (is_plain(tokenizer, token)) {
		emit(out, token);
		return;
	}
	for (size_t i = 0; i < size; i += one) {
		token = byte_token(out, text + i, size - i, &one);
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
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;

	while (size > 0) {
		size_t length = lm_word_length(tokenizer->words, text, size), n = 0;

		for (size_t i = 0; i < length; i++)
			n += lm_utf8_put(lm_byte_char(text[i]), out->written + n);
		if (tokenizer->whole_words &&
		    is_plain(tokenizer, lm_tokenizer_find(out->merger.model, out->written, n)))
			emit_piece(out, out->written, n);
		else
			emit_written(out, n);
		text += length;
		size -= length;
	}
}

/* The longest special token at the beginning of text; 0 bytes if there is none.  Control tokens
 * are among the first n_template bytes only. */
static size_t special_length(const struct mw_lm *model, const uint8_t *text, size_t size,
			     size_t n_template, uint32_t *ret_token)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	size_t n = size < tokenizer->longest_special ? size : tokenizer->longest_special;

	for (; n > 0 && tokenizer->special_starts[text[0]]; n--) {
		uint32_t token = lm_tokenizer_find(model, text, n);

		if (token == MW_LM_NO_TOKEN)
			continue;
		if (tokenizer->types[token] == LM_TOKEN_USER ||
		    (tokenizer->types[token] == LM_TOKEN_CONTROL && n <= n_template)) {
			*ret_token = token;
			return n;
		}
	}
	return 0;
}

/* prefix: it begins the text, or follows a control token */
static void encode_stretch(struct encoder *out, const uint8_t *text, size_t size, bool prefix)
{
	const struct lm_tokenizer *tokenizer = out->merger.model->tokenizer;

	if (size == 0)
		return;
	if (tokenizer->kind == LM_TOKENIZER_SPM)
		encode_spm(out, text, size, prefix && tokenizer->space_prefix);
	else
		encode_bpe(out, text, size);
}

static size_t blanks(const uint8_t *text, size_t size)
{
	size_t n = 0;

	while (n < size && (text[n] == ' ' || (text[n] >= '\t' && text[n] <= '\r')))
		n++;
	return n;
}

/* Phi-3's vocabulary says so of its control tokens, but for those of Llama's. */
static bool strips_after(const struct mw_lm *model, uint32_t token)
{
	static const char *const keep[] = {"<unk>", "<s>", "<|endoftext|>"};

	if (!model->tokenizer->strips || model->tokenizer->types[token] != LM_TOKEN_CONTROL)
		return false;
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		if (strcmp(mw_lm_token_text(model, token), keep[i]) == 0)
			return false;
	return true;
}

/* Where in a text control tokens may be named: in the stretches that are of a template. */
struct source {
	const uint8_t *text; /* all stretches */
	size_t size;
	const struct lm_stretch *stretch; /* the one at hand */
	size_t end;                       /* of it */
};

static size_t template_left(struct source *in, size_t at)
{
	while (at >= in->end)
		in->end += (++in->stretch)->size;
	return in->stretch->is_template ? in->end - at : 0;
}

static void encode_all(struct encoder *out, struct source *in)
{
	const struct mw_lm *model = out->merger.model;
	size_t from = 0, at = 0;
	bool prefix = true;
	uint32_t token;

	if (model->tokenizer->add_bos)
		emit(out, model->tokenizer->bos);
	while (at < in->size) {
		size_t n = special_length(model, in->text + at, in->size - at,
					  template_left(in, at), &token);

		if (n == 0) {
			at++;
			continue;
		}
		encode_stretch(out, in->text + from, at - from, prefix);
		emit(out, token);
		at += n;
		if (strips_after(model, token))
			at += blanks(in->text + at, in->size - at);
		from = at;
		prefix = model->tokenizer->types[token] == LM_TOKEN_CONTROL;
	}
	encode_stretch(out, in->text + from, in->size - from, prefix);
}

static mw_lm_err encode(const struct mw_lm *model, struct source *in, uint32_t *ret_tokens,
			size_t max, size_t *ret_n)
{
	size_t room = 3 * (in->size + 1);
	struct encoder out = {.merger = {.model = model}, .tokens = ret_tokens, .max = max};
	mw_lm_err err = MW_LM_E_MEMORY;

	out.written = malloc(room);
	out.merger.pieces = malloc(room * sizeof(*out.merger.pieces));
	out.merger.heap = malloc(3 * room * sizeof(*out.merger.heap));
	if (out.written && out.merger.pieces && out.merger.heap) {
		encode_all(&out, in);
		err = out.full ? MW_LM_E_FULL : MW_LM_E_OK;
	}
	if (!err)
		*ret_n = out.n;
	free(out.written);
	free(out.merger.pieces);
	free(out.merger.heap);
	return err;
}

mw_lm_err mw_lm_encode(const struct mw_lm *model, const char *text, size_t size,
		       enum mw_lm_encoding encoding, uint32_t *ret_tokens, size_t max,
		       size_t *ret_n)
{
	const struct lm_stretch whole = {text, size, encoding == MW_LM_SPECIALS};

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	if (size > MW_LM_MAX_TEXT)
		return MW_LM_E_ARGUMENT;
	return encode(model, &(struct source){(const uint8_t *)text, size, &whole, size},
		      ret_tokens, max, ret_n);
}

mw_lm_err lm_encode_stretches(const struct mw_lm *model, const struct lm_stretch *stretches,
			      size_t n_stretches, uint32_t *ret_tokens, size_t max, size_t *ret_n)
{
	size_t size = 0, at = 0;
	uint8_t *text;
	mw_lm_err err;

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	for (size_t i = 0; i < n_stretches; i++) {
		if (stretches[i].size > MW_LM_MAX_TEXT - size)
			return MW_LM_E_ARGUMENT;
		size += stretches[i].size;
	}
	text = malloc(size + 1);
	if (!text)
		return MW_LM_E_MEMORY;
	for (size_t i = 0; i < n_stretches; at += stretches[i++].size)
		memcpy(text + at, stretches[i].text, stretches[i].size);
	err = encode(model,
		     &(struct source){text, size, stretches, n_stretches ? stretches[0].size : 0},
		     ret_tokens, max, ret_n);
	free(text);
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

size_t lm_token_bytes(const struct mw_lm *model, uint32_t token, char *ret_bytes, size_t max)
{
	struct decoder out = {.text = ret_bytes, .max = max};

	decode_token(&out, model, token, false);
	return out.n;
}

/* No token has more bytes than characters in its text. */
size_t lm_token_bytes_max(const struct mw_lm *model)
{
	size_t most = 1;

	for (uint32_t i = 0; i < model->info.n_vocab; i++) {
		size_t size = strlen(mw_lm_token_text(model, i));

		most = size > most ? size : most;
	}
	return most;
}

bool mw_lm_token_ends(const struct mw_lm *model, uint32_t token)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;

	for (uint32_t i = 0; tokenizer && i < tokenizer->n_ends; i++)
		if (tokenizer->ends[i] == token)
			return true;
	return false;
}
