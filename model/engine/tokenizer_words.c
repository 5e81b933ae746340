#include "model/engine/tokenizer.h"
#include "model/engine/unicode.h"
#include "model/engine/utf8.h"

#include <string.h>

enum kind { LETTER, NUMBER, BLANK, OTHER };

/* Printable characters of Latin-1 stand for themselves. */
static bool is_printable(uint32_t c)
{
	return (c >= '!' && c <= '~') || (c >= 0xA1 && c <= 0xAC) || (c >= 0xAE && c <= 0xFF);
}

/* The others follow from 256 on, in order. */
uint32_t lm_byte_char(uint8_t byte)
{
	uint32_t c = 256;

	if (is_printable(byte))
		return byte;
	for (uint32_t i = 0; i < byte; i++)
		c += !is_printable(i);
	return c;
}

int lm_char_byte(uint32_t c)
{
	uint32_t n = c - 256;

	if (c < 256)
		return is_printable(c) ? (int)c : -1;
	for (uint32_t i = 0; i < 256; i++)
		if (!is_printable(i) && n-- == 0)
			return (int)i;
	return -1;
}

/* White_Space of the Unicode Character Database */
static bool is_blank(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
	       c == 0x205F || c == 0x3000;
}

static enum kind kind_of(uint32_t c)
{
	if (is_blank(c))
		return BLANK;
	return lm_is_letter(c) ? LETTER : lm_is_number(c) ? NUMBER : OTHER;
}

/* The kind of the character at text and its bytes; a byte that is none is of the others. */
static enum kind next_kind(const uint8_t *text, size_t size, size_t *ret_length)
{
	size_t length = lm_utf8_length(text, size);

	*ret_length = length ? length : 1;
	return length ? kind_of(lm_utf8_char(text, length)) : OTHER;
}

/* Bytes of at most `most` characters of a kind, and of the last of them. */
static size_t run_length(const uint8_t *text, size_t size, enum kind kind, size_t most,
			 size_t *ret_last)
{
	size_t at = 0, length;

	*ret_last = 0;
	while (most-- > 0 && at < size && next_kind(text + at, size - at, &length) == kind) {
		at += length;
		*ret_last = length;
	}
	return at;
}

static size_t suffix_length(const uint8_t *text, size_t size, bool any_case)
{
	static const char *const suffixes[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(suffixes[i]), same = 0;

		while (same < n && n <= size &&
		       (text[same] == (uint8_t)suffixes[i][same] ||
			(any_case && same > 0 && (text[same] | 32) == (uint8_t)suffixes[i][same])))
			same++;
		if (same == n)
			return n;
	}
	return 0;
}

/* Blanks: all at the end of the text, else all but the last, which belongs to the word. */
static size_t blanks_length(const uint8_t *text, size_t size)
{
	size_t last, n = run_length(text, size, BLANK, size, &last);

	return n == size || n == last ? n : n - last;
}

static size_t gpt2_length(const uint8_t *text, size_t size)
{
	size_t n = suffix_length(text, size, false), length, skip;
	enum kind kind;

	if (n > 0)
		return n;
	skip = text[0] == ' ' && size > 1;
	kind = next_kind(text + skip, size - skip, &length);
	if (kind == BLANK)
		return blanks_length(text, size);
	return skip + run_length(text + skip, size - skip, kind, size, &length);
}

/* Numbers stand alone, one character each; what is between them is split as GPT-2 does. */
static size_t digits_length(const uint8_t *text, size_t size)
{
	size_t at = 0, length;

	while (at < size && next_kind(text + at, size - at, &length) != NUMBER)
		at += length;
	return at > 0 ? gpt2_length(text, at) : length;
}

static size_t newlines_length(const uint8_t *text, size_t size)
{
	size_t n = 0;

	while (n < size && (text[n] == '\r' || text[n] == '\n'))
		n++;
	return n;
}

/* Blanks up to the last newline among them; 0 if there is none. */
static size_t lines_length(const uint8_t *text, size_t size)
{
	size_t last, n = run_length(text, size, BLANK, size, &last);

	while (n > 0 && text[n - 1] != '\r' && text[n - 1] != '\n')
		n--;
	return n;
}

static size_t llama3_length(const uint8_t *text, size_t size, size_t numbers)
{
	size_t n = suffix_length(text, size, true), length, last, skip;
	enum kind kind, next = OTHER;

	if (n > 0)
		return n;
	kind = next_kind(text, size, &length);
	if (length < size)
		next = next_kind(text + length, size - length, &last);
	if (kind == NUMBER)
		return run_length(text, size, NUMBER, numbers, &last);
	if (kind == LETTER || (next == LETTER && length < size && newlines_length(text, 1) == 0)) {
		skip = kind == LETTER ? 0 : length;
		return skip + run_length(text + skip, size - skip, LETTER, size, &last);
	}
	if (kind == OTHER || (text[0] == ' ' && size > 1 && next == OTHER)) {
		skip = kind == OTHER ? 0 : 1;
		n = skip + run_length(text + skip, size - skip, OTHER, size, &last);
		return n + newlines_length(text + n, size - n);
	}
	n = lines_length(text, size);
	return n > 0 ? n : blanks_length(text, size);
}

size_t lm_word_length(enum lm_words words, const uint8_t *text, size_t size)
{
	switch (words) {
	case LM_WORDS_DIGITS:
		return digits_length(text, size);
	case LM_WORDS_LLAMA3:
		return llama3_length(text, size, 3);
	case LM_WORDS_QWEN2:
		return llama3_length(text, size, 1);
	default:
		return gpt2_length(text, size);
	}
}

bool lm_words_find(const char *name, enum lm_words *ret_words)
{
	static const struct {
		const char *name;
		enum lm_words words;
	} known[] = {{"gpt-2", LM_WORDS_GPT2},
		     {"phi-2", LM_WORDS_GPT2},
		     {"mpt", LM_WORDS_GPT2},
		     {"olmo", LM_WORDS_GPT2},
		     {"jais", LM_WORDS_GPT2},
		     {"trillion", LM_WORDS_GPT2},
		     {"modern-bert", LM_WORDS_GPT2},
		     {"starcoder", LM_WORDS_DIGITS},
		     {"refact", LM_WORDS_DIGITS},
		     {"command-r", LM_WORDS_DIGITS},
		     {"smollm", LM_WORDS_DIGITS},
		     {"codeshell", LM_WORDS_DIGITS},
		     {"exaone", LM_WORDS_DIGITS},
		     {"minerva-7b", LM_WORDS_DIGITS},
		     {"llama-bpe", LM_WORDS_LLAMA3},
		     {"llama3", LM_WORDS_LLAMA3},
		     {"llama-v3", LM_WORDS_LLAMA3},
		     {"falcon3", LM_WORDS_LLAMA3},
		     {"dbrx", LM_WORDS_LLAMA3},
		     {"smaug-bpe", LM_WORDS_LLAMA3},
		     {"qwen2", LM_WORDS_QWEN2},
		     {"stablelm2", LM_WORDS_QWEN2},
		     {"deepseek-r1-qwen", LM_WORDS_QWEN2}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		*ret_words = known[i].words;
		return true;
	}
	return false;
}
