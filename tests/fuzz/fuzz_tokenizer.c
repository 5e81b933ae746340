/* Any vocabulary and any text: the first byte says of which kind, then one token a line up to a NUL,
 * then the text.  What was encoded can be decoded, and gives the text back where the vocabulary has
 * all bytes; a conversation of the text can be encoded, and no control token gets in by it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/millwright_lm.h"
#include "tests/unit/text_fixture.h"

#define MAX_TOKENS 512u
#define MAX_TEXT   4096u
#define BLANK_SIGN "\xE2\x96\x81"
#define N_BYTES    257u /* all of them, and the sign */

struct line {
	const uint8_t *text;
	size_t size;
};

static size_t split(const uint8_t *data, size_t size, struct line *lines)
{
	size_t n = 0, at = 0;

	while (at < size && n < MAX_TOKENS) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t length = end ? (size_t)(end - data) - at : size - at;

		lines[n++] = (struct line){data + at, length};
		at += length + 1;
	}
	return n;
}

static void put_line(struct gguf_build *build, const struct line *line)
{
	bytes_put_uint(&build->keys, line->size, 8);
	bytes_put(&build->keys, line->text, line->size);
}

/* "<...": control or byte; others in turn normal and once in a while the user's. */
static uint32_t type_of(const struct line *line, size_t i)
{
	if (line->size == 6 && memcmp(line->text, "<0x", 3) == 0)
		return 6;
	if (line->size > 0 && line->text[0] == '<')
		return 3;
	return i % 13 == 12 ? 4 : 1;
}

/* The bits of the first byte: SentencePiece or the way of splitting; all bytes are tokens too. */
struct kind {
	bool spm, all_bytes;
	const char *pre, *chat;
};

static struct kind kind_of(uint8_t byte)
{
	static const char *const pres[] = {NULL, "smollm", "llama-bpe", "qwen2"};
	static const char *const chats[] = {"", "<|user|><|end|>", "<|im_start|>",
					    "<|user|> eos_token", "[INST] <<SYS>>"};

	return (struct kind){byte % 2 == 0, byte & 2, pres[byte / 4 % 4], chats[byte / 16 % 5]};
}

static void put_bytes(struct gguf_build *build, const struct kind *kind)
{
	for (uint32_t i = 0; i < 256 && kind->all_bytes; i++)
		text_put_byte(build, kind->spm, i);
	if (kind->all_bytes)
		bytes_put_string(&build->keys, BLANK_SIGN);
}

static uint32_t type_at(const struct kind *kind, const struct line *lines, size_t n, size_t i)
{
	if (i < n)
		return type_of(&lines[i], i);
	return kind->spm && i < n + 256 ? 6 : 1;
}

static void put_vocabulary(struct gguf_build *build, const struct kind *kind,
			   const struct line *lines, size_t n)
{
	size_t n_all = n + (kind->all_bytes ? N_BYTES : 0);

	build_string(build, "tokenizer.ggml.model", kind->spm ? "llama" : "gpt2");
	if (kind->pre)
		build_string(build, "tokenizer.ggml.pre", kind->pre);
	build_string(build, "tokenizer.chat_template", kind->chat);
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, n_all);
	for (size_t i = 0; i < n; i++)
		put_line(build, &lines[i]);
	put_bytes(build, kind);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, n_all);
	for (size_t i = 0; i < n_all; i++)
		bytes_put_uint(&build->keys, type_at(kind, lines, n, i), 4);
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, n_all);
	for (size_t i = 0; i < n_all; i++)
		bytes_put(&build->keys, &(float){-(float)(i * 7 % 31)}, 4);
	build_array(build, "tokenizer.ggml.merges", GGUF_STRING, n);
	for (size_t i = 0; i < n; i++)
		put_line(build, &lines[i]);
}

static struct mw_lm *open_vocabulary(const struct kind *kind, const struct line *lines, size_t n)
{
	size_t n_all = n + (kind->all_bytes ? N_BYTES : 0);

	const struct build_shape shape = build_tiny((uint32_t)n_all);
	struct gguf_build build = {.seed = 1};
	struct mw_lm *model = NULL;
	uint8_t *bytes;
	size_t size;

	build_keys(&build, &shape);
	put_vocabulary(&build, kind, lines, n);
	build_random_tensor(&build, "token_embd.weight", GGUF_W_Q8_0, n_all, 32, 0, 1);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, 32, 1, 0);
	build_layer(&build, &shape, 0);
	bytes = gguf_build_end(&build, &size);
	if (mw_lm_open_memory(bytes, size, NULL, &model, NULL, 0) != MW_LM_E_OK)
		model = NULL;
	free(bytes);
	return model;
}

static uint32_t tokens[MW_LM_MAX_TOKENS(3 * MAX_TEXT + 1000)];

static bool has_blank_sign(const uint8_t *text, size_t size)
{
	return memmem(text, size, BLANK_SIGN, strlen(BLANK_SIGN)) != NULL;
}

/* Whether the vocabulary can write everything: no line has taken a byte's place, or the blank's, for
 * something else, and the beginning token is one. */
static bool is_complete(const struct mw_lm *model)
{
	const struct lm_tokenizer *tokenizer = model->tokenizer;
	bool spm = tokenizer->kind == LM_TOKENIZER_SPM, complete = true;
	uint32_t blank = lm_tokenizer_find(model, (const uint8_t *)BLANK_SIGN, strlen(BLANK_SIGN));

	for (size_t i = 0; i < 256 && complete; i++)
		complete = tokenizer->bytes[i] != MW_LM_NO_TOKEN &&
			   tokenizer->types[tokenizer->bytes[i]] ==
			       (spm ? LM_TOKEN_BYTE : LM_TOKEN_NORMAL);
	for (uint32_t i = 0; i < model->info.n_vocab && complete && spm; i++)
		complete = tokenizer->types[i] != LM_TOKEN_USER ||
			   !strstr(mw_lm_token_text(model, i), BLANK_SIGN);
	if (spm && (blank == MW_LM_NO_TOKEN || tokenizer->types[blank] != LM_TOKEN_NORMAL))
		return false;
	return complete &&
	       (!tokenizer->add_bos || tokenizer->types[tokenizer->bos] == LM_TOKEN_CONTROL);
}

/* What was encoded as text alone is the text again. */
static void check_back(const struct mw_lm *model, const char *back, size_t back_size,
		       const uint8_t *text, size_t size)
{
	if (!is_complete(model) ||
	    (model->tokenizer->kind == LM_TOKENIZER_SPM && has_blank_sign(text, size)))
		return;
	if (back_size != size || (size > 0 && memcmp(back, text, size) != 0))
		abort();
}

static void encode(const struct mw_lm *model, const uint8_t *text, size_t size)
{
	char *back = malloc(64 * MW_LM_MAX_TOKENS(size));
	size_t n = 0, back_size;

	if (!back)
		return;
	for (int i = 0; i < 2; i++) {
		if (mw_lm_encode(model, (const char *)text, size, i ? MW_LM_SPECIALS : MW_LM_PLAIN,
				 tokens, MW_LM_MAX_TOKENS(size), &n) != MW_LM_E_OK)
			abort();
		switch (mw_lm_decode(model, tokens, n, i == 0, back, 64 * MW_LM_MAX_TOKENS(size),
				     &back_size)) {
		case MW_LM_E_OK:
			if (i == 0)
				check_back(model, back, back_size, text, size);
			break;
		case MW_LM_E_FULL: /* unknown tokens may have long names */
			break;
		default:
			abort();
		}
	}
	free(back);
}

static size_t n_controls(const struct mw_lm *model, const char *text)
{
	const struct mw_lm_message messages[] = {{MW_LM_SYSTEM, text}, {MW_LM_USER, text}};
	size_t n = 0, controls = 0;

	if (mw_lm_chat_encode(model, NULL, messages, 2, tokens, sizeof(tokens) / sizeof(tokens[0]),
			      &n) != MW_LM_E_OK)
		return 0;
	for (size_t i = 0; i < n; i++)
		controls += model->tokenizer->types[tokens[i]] == LM_TOKEN_CONTROL &&
			    tokens[i] != model->tokenizer->unknown;
	return controls;
}

static void converse(const struct mw_lm *model, const uint8_t *text, size_t size)
{
	char message[MAX_TEXT + 1];

	for (size_t i = 0; i < size; i++)
		message[i] = text[i] ? (char)text[i] : '0';
	message[size] = '\0';
	if (n_controls(model, message) != n_controls(model, ""))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line lines[MAX_TOKENS];
	const uint8_t *text = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
	struct mw_lm *model;
	struct kind kind;
	size_t n;

	if (!text || size - (size_t)(text - data) > MAX_TEXT)
		return 0;
	kind = kind_of(data[0]);
	n = split(data + 1, (size_t)(text - data) - 1, lines);
	model = n > 1 ? open_vocabulary(&kind, lines, n) : NULL;
	if (!model)
		return 0;
	encode(model, text + 1, size - (size_t)(text - data) - 1);
	converse(model, text + 1, size - (size_t)(text - data) - 1);
	mw_lm_close(model);
	return 0;
}
