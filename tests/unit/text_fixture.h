/*
 * text_fixture.h -- small models of random weights that read and write text: a vocabulary of bytes,
 * control tokens and some pieces that begin, end or join what JSON is made of.
 */
#ifndef MW_TESTS_TEXT_FIXTURE_H
#define MW_TESTS_TEXT_FIXTURE_H

#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"
#include "tests/unit/gguf_build.h"

static const char *const text_pieces[] = {
    "{\"",      "\":",          "\",\"",     "\"}",
    "\":\"",    "\":[",         "[\"",       "\"]",
    "},{",      "]}",           "]],",       "}}",
    ", ",       ": ",           " {",        "\\\"",
    "\\\\",     "\\n",          "true",      "tru",
    "false",    "null",         "nul",       "12",
    "0.5",      "-1",           "e",         "th",
    "the",      " the",         "pump",      "motor",
    "bear",     "ing",          " is",       "ch",
    "ch2",      ".peak",        "{ch",       "{ch2.peak}",
    "}.",       "ause",         "cause",     "\"cause\"",
    "verdict",  "ok\"",         "xy\",",     "\xC3\xA9",
    "\xC3",     "\xEA\xB8\xB0", "\xEA\xB8",  "\xF0\x9F\x94\xA7",
    "\xD9\xA3", "\xF0\x92\x90", "  ",        "\t",
    "\n",       "a\"b",         "abcdefghij"};

#define TEXT_PIECES (sizeof(text_pieces) / sizeof(text_pieces[0]))
#define TEXT_END    2u /* the token that ends an answer */

static inline void text_put_token(struct gguf_build *build, bool spm, const char *piece)
{
	uint8_t text[64];
	size_t n = 0;

	for (; *piece; piece++) {
		if (!spm) {
			n += lm_utf8_put(lm_byte_char((uint8_t)*piece), text + n);
		} else if (*piece == ' ') {
			memcpy(text + n, "\xE2\x96\x81", 3);
			n += 3;
		} else {
			text[n++] = (uint8_t)*piece;
		}
	}
	bytes_put_uint(&build->keys, n, 8);
	bytes_put(&build->keys, text, n);
}

static inline void text_put_byte(struct gguf_build *build, bool spm, uint32_t byte)
{
	char text[8] = "";

	if (spm)
		(void)snprintf(text, sizeof(text), "<0x%02X>", byte);
	else
		(void)lm_utf8_put(lm_byte_char((uint8_t)byte), (uint8_t *)text);
	bytes_put_string(&build->keys, text);
}

/* Broken UTF-8 is no token of SentencePiece's. */
static inline bool text_is_whole(const char *piece)
{
	const uint8_t *text = (const uint8_t *)piece;
	size_t size = strlen(piece), n;

	for (; size > 0; text += n, size -= n)
		if ((n = lm_utf8_length(text, size)) == 0)
			return false;
	return true;
}

/* 3 control tokens, 256 bytes, the pieces, then these specials. */
static inline uint32_t text_put_vocabulary(struct gguf_build *build, bool spm,
					   const char *const *specials, uint32_t n_specials)
{
	static const char *const controls[] = {"<unk>", "<s>", "</s>"};
	uint32_t n_pieces = 0, n;

	for (size_t i = 0; i < TEXT_PIECES; i++)
		n_pieces += !spm || text_is_whole(text_pieces[i]);
	n = 3 + 256 + n_pieces + n_specials;
	build_string(build, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, n);
	for (size_t i = 0; i < 3; i++)
		bytes_put_string(&build->keys, controls[i]);
	for (uint32_t i = 0; i < 256; i++)
		text_put_byte(build, spm, i);
	for (size_t i = 0; i < TEXT_PIECES; i++)
		if (!spm || text_is_whole(text_pieces[i]))
			text_put_token(build, spm, text_pieces[i]);
	for (uint32_t i = 0; i < n_specials; i++)
		bytes_put_string(&build->keys, specials[i]);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, n);
	for (uint32_t i = 0; i < n; i++) {
		bool control = i < 3 || i >= n - n_specials, byte = spm && i >= 3 && i < 259;

		bytes_put_uint(&build->keys, control ? 3 : byte ? 6 : 1, 4);
	}
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, n);
	for (uint32_t i = 0; i < n; i++)
		bytes_put(&build->keys, &(float){-(float)i}, 4);
	build_array(build, "tokenizer.ggml.merges", GGUF_STRING, 1);
	bytes_put_string(&build->keys, "t h");
	build_u32(build, "tokenizer.ggml.eos_token_id", TEXT_END);
	build_u32(build, "tokenizer.ggml.bos_token_id", 1);
	return n;
}

struct text_model {
	bool spm;
	const char *template; /* tokenizer.chat_template, or NULL */
	const char *const *specials;
	uint32_t n_specials;
	uint64_t seed;
};

/* The file; the caller frees. */
static inline uint8_t *text_model_file(const struct text_model *wanted, size_t *ret_size)
{
	struct build_shape shape = {.arch = "llama",
				    .weights = GGUF_W_Q8_0,
				    .n_embd = 64,
				    .n_layers = 2,
				    .n_head = 4,
				    .n_kv = 2,
				    .head_size = 16,
				    .n_ff = 96};
	struct gguf_build build = {.seed = wanted->seed};

	build_keys(&build, &shape);
	if (wanted->template)
		build_string(&build, "tokenizer.chat_template", wanted->template);
	shape.n_vocab =
	    text_put_vocabulary(&build, wanted->spm, wanted->specials, wanted->n_specials);
	build_random_tensor(&build, "token_embd.weight", shape.weights, shape.n_vocab, shape.n_embd,
			    0, 0.5f);
	build_random_tensor(&build, "output_norm.weight", GGUF_W_F32, 1, shape.n_embd, 1, 0.3f);
	for (uint32_t i = 0; i < shape.n_layers; i++)
		build_layer(&build, &shape, i);
	return gguf_build_end(&build, ret_size);
}

static inline struct mw_lm *text_model_open(const struct text_model *wanted)
{
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = text_model_file(wanted, &size);

	if (mw_lm_open_memory(file, size, NULL, &model, why, sizeof(why)) != MW_LM_E_OK) {
		(void)fprintf(stderr, "text_fixture: %s\n", why);
		abort();
	}
	free(file);
	return model;
}

static inline struct mw_lm_session *text_session(const struct mw_lm *model, uint32_t max_tail)
{
	const struct mw_lm_session_options options = {.max_tail = max_tail};
	struct mw_lm_session *session = NULL;

	if (mw_lm_session_new(model, &options, &session) != MW_LM_E_OK)
		abort();
	return session;
}

#endif
