#include "gateway/base/utf8.h"

static size_t length_by_lead(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	return lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
}

size_t mw_utf8_decode(const char *text, size_t left, uint32_t *ret_code)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *byte = (const uint8_t *)text;
	size_t n = left > 0 ? length_by_lead(byte[0]) : 0;
	uint32_t code;

	if (n == 0 || n > left)
		return 0;
	code = n == 1 ? byte[0] : byte[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (byte[i] >> 6 != 2)
			return 0;
		code = code << 6 | (byte[i] & 0x3fu);
	}
	if (code < least[n] || code > 0x10ffff || code >> 11 == 0x1b)
		return 0;
	*ret_code = code;
	return n;
}

bool mw_utf8_is_clean(const char *text, size_t length)
{
	uint32_t code;
	size_t n;

	for (size_t at = 0; at < length; at += n) {
		n = mw_utf8_decode(text + at, length - at, &code);
		if (n == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
			return false;
	}
	return true;
}
