#include "model/engine/json.h"
#include "model/engine/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct lm_arena *arena;
	const char *text;
	size_t at, size;
	const struct lm_why *why;
};

static mw_lm_err complain(const struct parser *in, const char *what)
{
	size_t line = 1;

	for (size_t i = 0; i < in->at && i < in->size; i++)
		line += in->text[i] == '\n';
	return lm_why(in->why, MW_LM_E_FORMAT, "line %zu: %s", line, what);
}

static int peek(struct parser *in)
{
	while (in->at < in->size && strchr(" \t\r\n", in->text[in->at]) && in->text[in->at])
		in->at++;
	return in->at < in->size ? (unsigned char)in->text[in->at] : -1;
}

static bool take(struct parser *in, char wanted)
{
	if (peek(in) != (unsigned char)wanted)
		return false;
	in->at++;
	return true;
}

/* --- strings ---------------------------------------------------------------------------------- */

static bool parse_hex(struct parser *in, uint32_t *ret_c)
{
	static const char digits[] = "0123456789abcdef";

	*ret_c = 0;
	for (int i = 0; i < 4; i++) {
		char c = in->at < in->size ? in->text[in->at++] : '\0';
		const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 32 : c) : NULL;

		if (!digit)
			return false;
		*ret_c = *ret_c << 4 | (uint32_t)(digit - digits);
	}
	return true;
}

static size_t put_char(uint32_t c, char *out)
{
	uint8_t *bytes = (uint8_t *)out;

	if (c < 0x800)
		return lm_utf8_put(c, bytes);
	if (c < 0x10000) {
		bytes[0] = (uint8_t)(0xE0u | c >> 12);
		bytes[1] = (uint8_t)(0x80u | (c >> 6 & 0x3Fu));
		bytes[2] = (uint8_t)(0x80u | (c & 0x3Fu));
		return 3;
	}
	bytes[0] = (uint8_t)(0xF0u | c >> 18);
	bytes[1] = (uint8_t)(0x80u | (c >> 12 & 0x3Fu));
	bytes[2] = (uint8_t)(0x80u | (c >> 6 & 0x3Fu));
	bytes[3] = (uint8_t)(0x80u | (c & 0x3Fu));
	return 4;
}

/* \uXXXX, or two of them that are one character; 0 bytes if it is none. */
static size_t parse_unicode(struct parser *in, char *out)
{
	uint32_t c, low;

	if (!parse_hex(in, &c) || (c >= 0xDC00 && c < 0xE000))
		return 0;
	if (c >= 0xD800 && c < 0xDC00) {
		if (in->size - in->at < 2 || memcmp(in->text + in->at, "\\u", 2) != 0)
			return 0;
		in->at += 2;
		if (!parse_hex(in, &low) || low < 0xDC00 || low >= 0xE000)
			return 0;
		c = 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
	}
	return put_char(c, out);
}

static size_t parse_escape(struct parser *in, char *out)
{
	static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	char c = in->at < in->size ? in->text[in->at++] : '\0';
	const char *name = c ? strchr(names, c) : NULL;

	if (c == 'u')
		return parse_unicode(in, out);
	if (!name)
		return 0;
	*out = meant[name - names];
	return 1;
}

/* One character or escape of a string; 0 bytes if it is none. */
static size_t parse_char(struct parser *in, char *out)
{
	const uint8_t *bytes = (const uint8_t *)in->text + in->at;
	size_t n;

	if (*bytes == '\\') {
		in->at++;
		return parse_escape(in, out);
	}
	n = *bytes < 0x20 ? 0 : lm_utf8_length(bytes, in->size - in->at);
	memcpy(out, bytes, n);
	in->at += n;
	return n;
}

static mw_lm_err parse_string(struct parser *in, const char **ret_text, size_t *ret_size)
{
	const char *end = in->text + in->at;
	size_t n = 0, one;
	char *out;

	if (!take(in, '"'))
		return complain(in, "a string is missing");
	for (end = in->text + in->at; end < in->text + in->size && *end != '"'; end++)
		if (*end == '\\' && end + 1 < in->text + in->size)
			end++;
	/* what an escape stands for is never longer than the escape */
	out = lm_arena_take(in->arena, (uint64_t)(end - in->text) - in->at + 4, 1);
	if (!out)
		return lm_why(in->why, MW_LM_E_MEMORY, "no memory for the schema");
	while (in->at < in->size && in->text[in->at] != '"') {
		one = parse_char(in, out + n);
		if (one == 0)
			return complain(in, "a string is not well-formed");
		n += one;
	}
	if (!take(in, '"'))
		return complain(in, "a string does not end");
	*ret_text = out;
	*ret_size = n;
	return MW_LM_E_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static size_t digits(const struct parser *in, size_t at)
{
	size_t n = 0;

	while (at + n < in->size && in->text[at + n] >= '0' && in->text[at + n] <= '9')
		n++;
	return n;
}

static bool is_at(const struct parser *in, size_t at, const char *any)
{
	return at < in->size && in->text[at] && strchr(any, in->text[at]);
}

static mw_lm_err parse_number(struct parser *in, struct lm_json *value)
{
	size_t at = in->at + is_at(in, in->at, "-"), n = digits(in, at);

	if (n == 0 || (n > 1 && in->text[at] == '0'))
		return complain(in, "a value is not well-formed");
	at += n;
	if (is_at(in, at, ".")) {
		n = digits(in, at + 1);
		if (n == 0)
			return complain(in, "a number is not well-formed");
		at += 1 + n;
	}
	if (is_at(in, at, "eE")) {
		at += 1 + is_at(in, at + 1, "+-");
		n = digits(in, at);
		if (n == 0)
			return complain(in, "a number is not well-formed");
		at += n;
	}
	value->type = LM_JSON_NUMBER;
	value->text = in->text + in->at;
	value->size = at - in->at;
	in->at = at;
	return MW_LM_E_OK;
}

static bool parse_word(struct parser *in, const char *word)
{
	size_t n = strlen(word);

	if (in->size - in->at < n || memcmp(in->text + in->at, word, n) != 0)
		return false;
	in->at += n;
	return true;
}

static mw_lm_err parse_value(struct parser *in, struct lm_json *value, unsigned int depth);

static bool has_key(const struct lm_json *object, const struct lm_json *member)
{
	for (const struct lm_json *other = object->first; other; other = other->next)
		if (other->key_size == member->key_size &&
		    memcmp(other->key, member->key, member->key_size) == 0)
			return true;
	return false;
}

static mw_lm_err parse_member(struct parser *in, struct lm_json *parent, struct lm_json *member,
			      unsigned int depth)
{
	mw_lm_err err;

	if (parent->type == LM_JSON_OBJECT) {
		err = parse_string(in, &member->key, &member->key_size);
		if (err)
			return err;
		if (has_key(parent, member))
			return complain(in, "a key is there twice");
		if (!take(in, ':'))
			return complain(in, "':' is missing");
	}
	return parse_value(in, member, depth + 1);
}

static mw_lm_err parse_members(struct parser *in, struct lm_json *parent, char end,
			       unsigned int depth)
{
	struct lm_json **link = &parent->first;

	if (depth >= LM_JSON_MAX_DEPTH)
		return complain(in, "nested too deeply");
	in->at++;
	if (take(in, end))
		return MW_LM_E_OK;
	do {
		struct lm_json *member = lm_arena_take(in->arena, 1, sizeof(*member));
		mw_lm_err err;

		if (!member)
			return lm_why(in->why, MW_LM_E_MEMORY, "no memory for the schema");
		err = parse_member(in, parent, member, depth);
		if (err)
			return err;
		*link = member;
		link = &member->next;
		parent->n++;
	} while (take(in, ','));
	return take(in, end) ? MW_LM_E_OK : complain(in, "',' or the end of a list is missing");
}

static mw_lm_err parse_value(struct parser *in, struct lm_json *value, unsigned int depth)
{
	switch (peek(in)) {
	case '{':
		value->type = LM_JSON_OBJECT;
		return parse_members(in, value, '}', depth);
	case '[':
		value->type = LM_JSON_ARRAY;
		return parse_members(in, value, ']', depth);
	case '"':
		value->type = LM_JSON_STRING;
		return parse_string(in, &value->text, &value->size);
	case 't':
	case 'f':
		value->type = LM_JSON_BOOL;
		value->truth = parse_word(in, "true");
		return value->truth || parse_word(in, "false")
			   ? MW_LM_E_OK
			   : complain(in, "a value is not well-formed");
	case 'n':
		value->type = LM_JSON_NULL;
		return parse_word(in, "null") ? MW_LM_E_OK
					      : complain(in, "a value is not well-formed");
	default:
		return parse_number(in, value);
	}
}

mw_lm_err lm_json_parse(struct lm_arena *arena, const char *text, size_t size,
			struct lm_json **ret_json, const struct lm_why *why)
{
	struct parser in = {arena, text, 0, size, why};
	struct lm_json *json;
	mw_lm_err err;

	if (size > LM_JSON_MAX_SIZE)
		return lm_why(why, MW_LM_E_FORMAT, "longer than %u bytes", LM_JSON_MAX_SIZE);
	json = lm_arena_take(arena, 1, sizeof(*json));
	if (!json)
		return lm_why(why, MW_LM_E_MEMORY, "no memory for the schema");
	err = parse_value(&in, json, 0);
	if (err)
		return err;
	if (peek(&in) >= 0)
		return complain(&in, "something follows the end");
	*ret_json = json;
	return MW_LM_E_OK;
}

const struct lm_json *lm_json_find(const struct lm_json *object, const char *key)
{
	size_t size = strlen(key);

	for (const struct lm_json *member = object->first; member; member = member->next)
		if (member->key_size == size && memcmp(member->key, key, size) == 0)
			return member;
	return NULL;
}

bool lm_json_is(const struct lm_json *value, const char *text)
{
	return value->type == LM_JSON_STRING && value->size == strlen(text) &&
	       memcmp(value->text, text, value->size) == 0;
}

bool lm_json_whole(const struct lm_json *value, int64_t *ret_number)
{
	char text[24];
	char *end;
	long long number;

	if (value->type != LM_JSON_NUMBER || value->size >= sizeof(text))
		return false;
	memcpy(text, value->text, value->size);
	text[value->size] = '\0';
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret_number = number;
	return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct output {
	char *text;
	size_t n, max;
};

static void put(struct output *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++, out->n++)
		if (out->n < out->max)
			out->text[out->n] = text[i];
}

static void put_string(struct output *out, const char *string, size_t size)
{
	static const char digit[] = "0123456789abcdef";

	put(out, "\"", 1);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)string[i];
		const char code[6] = {'\\', 'u', '0', '0', digit[c >> 4], digit[c & 15]};

		if (c < 0x20)
			put(out, code, sizeof(code));
		if (c == '"' || c == '\\')
			put(out, "\\", 1);
		if (c >= 0x20)
			put(out, &string[i], 1);
	}
	put(out, "\"", 1);
}

static void put_value(struct output *out, const struct lm_json *value)
{
	bool object = value->type == LM_JSON_OBJECT;

	if (value->type == LM_JSON_NULL)
		put(out, "null", 4);
	else if (value->type == LM_JSON_BOOL)
		put(out, value->truth ? "true" : "false", value->truth ? 4 : 5);
	else if (value->type == LM_JSON_NUMBER)
		put(out, value->text, value->size);
	else if (value->type == LM_JSON_STRING)
		put_string(out, value->text, value->size);
	if (value->type < LM_JSON_ARRAY)
		return;
	put(out, object ? "{" : "[", 1);
	for (const struct lm_json *member = value->first; member; member = member->next) {
		if (member != value->first)
			put(out, ",", 1);
		if (object) {
			put_string(out, member->key, member->key_size);
			put(out, ":", 1);
		}
		put_value(out, member);
	}
	put(out, object ? "}" : "]", 1);
}

size_t lm_json_write(const struct lm_json *value, char *text, size_t max)
{
	struct output out = {text, 0, max};

	put_value(&out, value);
	return out.n;
}

size_t lm_json_write_string(const char *string, size_t size, char *text, size_t max)
{
	struct output out = {text, 0, max};

	put_string(&out, string, size);
	return out.n;
}
