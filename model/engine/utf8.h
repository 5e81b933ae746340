/*
 * utf8.h -- where a character ends.
 */
#ifndef MW_LM_UTF8_H
#define MW_LM_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of a well-formed UTF-8 sequence at text (RFC 3629), 0 if there is none.  size > 0. */
static inline size_t lm_utf8_length(const uint8_t *text, size_t size)
{
	uint8_t low = 0x80, high = 0xBF;
	size_t n = text[0] < 0x80 ? 1 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (text[0] < 0xC2 || text[0] > 0xF4 || n > size)
		return 0;
	if (text[0] == 0xE0)
		low = 0xA0; /* shorter forms exist */
	else if (text[0] == 0xED)
		high = 0x9F; /* surrogates */
	else if (text[0] == 0xF0)
		low = 0x90;
	else if (text[0] == 0xF4)
		high = 0x8F; /* past U+10FFFF */
	if (text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (text[i] < 0x80 || text[i] > 0xBF)
			return 0;
	return n;
}

/* The character of a well-formed sequence of n bytes. */
static inline uint32_t lm_utf8_char(const uint8_t *text, size_t n)
{
	uint32_t c = n == 1 ? text[0] : text[0] & (0xFFu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (text[i] & 0x3Fu);
	return c;
}

/* Writes a character below 0x800; returns its bytes. */
static inline size_t lm_utf8_put(uint32_t c, uint8_t *ret_text)
{
	if (c < 0x80) {
		ret_text[0] = (uint8_t)c;
		return 1;
	}
	ret_text[0] = (uint8_t)(0xC0u | c >> 6);
	ret_text[1] = (uint8_t)(0x80u | (c & 0x3Fu));
	return 2;
}

#endif
