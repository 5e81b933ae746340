/* Any vocabulary and any text: the first byte says of which kind, then one token a line up to a NUL,
 * then the text.  What was encoded can be decoded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/millwright_lm.h"
#include "tests/unit/gguf_build.h"

#define MAX_TOKENS 512u
#define MAX_TEXT   4096u

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

static void put_vocabulary(struct gguf_build *build, bool spm, const struct line *lines, size_t n)
{
	build_string(build, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, n);
	for (size_t i = 0; i < n; i++)
		put_line(build, &lines[i]);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, n);
	for (size_t i = 0; i < n; i++)
		bytes_put_uint(&build->keys, type_of(&lines[i], i), 4);
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, n);
	for (size_t i = 0; i < n; i++)
		bytes_put(&build->keys, &(float){-(float)(i * 7 % 31)}, 4);
	build_array(build, "tokenizer.ggml.merges", GGUF_STRING, n);
	for (size_t i = 0; i < n; i++)
		put_line(build, &lines[i]);
}

static struct mw_lm *open_vocabulary(bool spm, const struct line *lines, size_t n)
{
	const struct build_shape shape = {.arch = "llama",
					  .weights = GGUF_W_Q8_0,
					  .n_embd = 32,
					  .n_layers = 1,
					  .n_head = 2,
					  .n_kv = 1,
					  .head_size = 16,
					  .n_ff = 32,
					  .n_vocab = (uint32_t)n};
	struct gguf_build build = {.seed = 1};
	struct mw_lm *model = NULL;
	uint8_t *bytes;
	size_t size;

	build_keys(&build, &shape);
	put_vocabulary(&build, spm, lines, n);
	build_random_tensor(&build, "token_embd.weight", GGUF_W_Q8_0, n, 32, 0, 1);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, 32, 1, 0);
	build_layer(&build, &shape, 0);
	bytes = gguf_build_end(&build, &size);
	if (mw_lm_open_memory(bytes, size, NULL, &model, NULL, 0) != MW_LM_E_OK)
		model = NULL;
	free(bytes);
	return model;
}

static void encode(const struct mw_lm *model, const uint8_t *text, size_t size)
{
	static uint32_t tokens[MW_LM_MAX_TOKENS(MAX_TEXT)];
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
		case MW_LM_E_FULL: /* unknown tokens may have long names */
			break;
		default:
			abort();
		}
	}
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line lines[MAX_TOKENS];
	const uint8_t *text = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
	struct mw_lm *model;
	size_t n;

	if (!text || size - (size_t)(text - data) > MAX_TEXT)
		return 0;
	n = split(data + 1, (size_t)(text - data) - 1, lines);
	model = n > 1 ? open_vocabulary(data[0] % 2 == 0, lines, n) : NULL;
	if (!model)
		return 0;
	encode(model, text + 1, size - (size_t)(text - data) - 1);
	mw_lm_close(model);
	return 0;
}
