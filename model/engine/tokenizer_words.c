#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <string.h>

enum kind { LETTER, DIGIT, BLANK, OTHER };

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

static bool is_blank(uint32_t c)
{
	return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
	       c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
	       c == 0x202F || c == 0x205F || c == 0x3000;
}

static enum kind kind_of(uint32_t c)
{
	if (is_blank(c))
		return BLANK;
	if (c < 0x80)
		return c - '0' < 10 ? DIGIT : (c | 32) - 'a' < 26 ? LETTER : OTHER;
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA ? LETTER : OTHER;
	if (c == 0xD7 || c == 0xF7 || (c >= 0x2010 && c <= 0x2BFF) ||
	    (c >= 0x3001 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F) || c >= 0x1F000)
		return OTHER;
	return LETTER;
}

/* The kind of the character at text and its bytes; a byte that is none is of the others. */
static enum kind next_kind(const uint8_t *text, size_t size, size_t *ret_length)
{
	size_t length = lm_utf8_length(text, size);

	*ret_length = length ? length : 1;
	return length ? kind_of(lm_utf8_char(text, length)) : OTHER;
}

static size_t run_length(const uint8_t *text, size_t size, enum kind kind, size_t *ret_last)
{
	size_t at = 0, length;

	*ret_last = 0;
	while (at < size && next_kind(text + at, size - at, &length) == kind) {
		at += length;
		*ret_last = length;
	}
	return at;
}

static size_t suffix_length(const uint8_t *text, size_t size)
{
	static const char *const suffixes[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(suffixes[i]);

		if (n <= size && memcmp(text, suffixes[i], n) == 0)
			return n;
	}
	return 0;
}

size_t lm_word_length(const uint8_t *text, size_t size)
{
	size_t n = suffix_length(text, size), first, last, skip;
	enum kind kind;

	if (n > 0)
		return n;
	skip = text[0] == ' ' && size > 1;
	kind = next_kind(text + skip, size - skip, &first);
	if (kind != BLANK)
		return skip + run_length(text + skip, size - skip, kind, &last);
	n = run_length(text, size, BLANK, &last);
	return n == size || n == last ? n : n - last; /* the last one belongs to the word */
}
