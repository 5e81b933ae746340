/* The parts of a schema that hold no other values: texts, strings and numbers. */
#include "model/engine/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_BOUND      1000000u
#define MAX_DIGITS     15u /* of a whole number: exact in a double */
#define MAX_DECIMALS   6u
#define MAX_ONE_BY_ONE 4096 /* numbers of a range that are spelled out */

mw_lm_err lm_builder_complain(const struct lm_builder *builder, mw_lm_err err, const char *fmt, ...)
{
	char place[160] = "", what[200];
	size_t n = 0;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	for (unsigned int i = 0; i < builder->depth && n < sizeof(place) - 1; i++)
		n += (size_t)snprintf(place + n, sizeof(place) - n, "%s%s", i ? "." : "",
				      builder->path[i]);
	return lm_why(builder->why, err, "%s%s%s", place, place[0] ? ": " : "", what);
}

static mw_lm_err too_large(const struct lm_builder *builder)
{
	return lm_builder_complain(builder, MW_LM_E_MEMORY,
				   "the schema needs more than %u states, or memory is short",
				   LM_MAX_NODES);
}

mw_lm_err lm_build_node(const struct lm_builder *builder, uint32_t *ret_node)
{
	return lm_automaton_node(builder->automaton, ret_node) ? MW_LM_E_OK : too_large(builder);
}

mw_lm_err lm_build_edge(const struct lm_builder *builder, uint32_t node, uint8_t low, uint8_t high,
			uint32_t next)
{
	for (uint32_t byte = low; byte <= high; byte++)
		if (!builder->vocabulary->single[byte])
			return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
						   "the vocabulary has no token of the byte 0x%02x",
						   byte);
	return lm_automaton_edge(builder->automaton, node, low, high, next) ? MW_LM_E_OK
									    : too_large(builder);
}

mw_lm_err lm_build_text(const struct lm_builder *builder, uint32_t start, const char *text,
			size_t size, uint32_t next)
{
	uint32_t at = start, inner;
	mw_lm_err err;

	for (size_t i = 0; i < size; i++, at = inner) {
		uint8_t byte = (uint8_t)text[i];

		inner = lm_automaton_find(builder->automaton, at, byte);
		if (inner != LM_NO_NODE)
			continue;
		err = lm_build_node(builder, &inner);
		if (!err)
			err = lm_build_edge(builder, at, byte, byte, inner);
		if (err)
			return err;
	}
	builder->automaton->nodes[at].also = next;
	return MW_LM_E_OK;
}

mw_lm_err lm_build_literal(struct lm_builder *builder, uint32_t start, const struct lm_json *value,
			   uint32_t next)
{
	size_t size = lm_json_write(value, NULL, 0);
	char *text = lm_arena_take(&builder->arena, size, 1);

	if (!text)
		return too_large(builder);
	(void)lm_json_write(value, text, size);
	return lm_build_text(builder, start, text, size, next);
}

mw_lm_err lm_build_bound(const struct lm_builder *builder, const struct lm_json *schema,
			 const char *key, uint32_t fallback, uint32_t *ret_bound)
{
	const struct lm_json *value = lm_json_find(schema, key);
	int64_t number = 0;

	if (value && (!lm_json_whole(value, &number) || number < 0 || number > MAX_BOUND))
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "%s is not a whole number from 0 to %u", key, MAX_BOUND);
	*ret_bound = value ? (uint32_t)number : fallback;
	return MW_LM_E_OK;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* The node after n characters of a string of min to max. */
static mw_lm_err build_place(const struct lm_builder *builder, bool may_close, bool more,
			     uint32_t after_char, uint32_t next, uint32_t *ret_node)
{
	uint32_t node;
	mw_lm_err err = lm_build_node(builder, &node);

	if (!err && may_close)
		err = lm_build_edge(builder, node, '"', '"', next);
	if (err)
		return err;
	if (more && builder->has_char) {
		struct lm_node *nodes = builder->automaton->nodes;
		bool loop = after_char == LM_NO_NODE;

		nodes[node].after_char = loop ? node : after_char;
		nodes[node].more = loop || nodes[after_char].more == LM_NO_NODE
				       ? LM_NO_NODE
				       : nodes[after_char].more + 1;
	}
	*ret_node = node;
	return MW_LM_E_OK;
}

/* From the last character to the first: what is far from the end admits the same tokens. */
static mw_lm_err build_places(const struct lm_builder *builder, uint32_t min, uint32_t max,
			      uint32_t next, uint32_t *ret_first)
{
	bool endless = max == LM_NO_NODE;
	uint32_t last = endless ? min : max, node = LM_NO_NODE, twin = LM_NO_NODE;
	uint32_t span = builder->vocabulary->longest + 2 * builder->automaton->longest_reference;
	mw_lm_err err = MW_LM_E_OK;

	for (uint32_t i = last + 1; i-- > 0 && !err;) {
		err = build_place(builder, i >= min, i < last || endless, node, next, &node);
		if (err || endless || i < min || last - i <= span)
			continue;
		if (twin == LM_NO_NODE)
			twin = node;
		builder->automaton->nodes[node].twin = twin;
	}
	*ret_first = node;
	return err;
}

mw_lm_err lm_build_string(const struct lm_builder *builder, const struct lm_json *schema,
			  uint32_t next, uint32_t *ret_start)
{
	uint32_t min, max, first, start;
	mw_lm_err err = lm_build_bound(builder, schema, "minLength", 0, &min);

	if (!err)
		err = lm_build_bound(builder, schema, "maxLength", LM_NO_NODE, &max);
	if (err)
		return err;
	if (min > max)
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "no string is %u characters or more and %u or less", min,
					   max);
	if (min > 0 && !builder->has_char)
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
					   "the vocabulary has no token of a single character");
	err = build_places(builder, min, max, next, &first);
	if (!err)
		err = lm_build_node(builder, &start);
	if (!err)
		err = lm_build_edge(builder, start, '"', '"', first);
	if (!err)
		*ret_start = start;
	return err;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Digits after the point; gives the node where the point may stand. */
static mw_lm_err build_decimals(const struct lm_builder *builder, uint32_t next,
				uint32_t *ret_point)
{
	uint32_t node = LM_NO_NODE, after;
	mw_lm_err err = MW_LM_E_OK;

	for (uint32_t i = 0; i < MAX_DECIMALS && !err; i++) {
		after = node;
		err = lm_build_node(builder, &node);
		if (err)
			return err;
		builder->automaton->nodes[node].also = next;
		if (after != LM_NO_NODE)
			err = lm_build_edge(builder, node, '0', '9', after);
	}
	after = node;
	if (!err)
		err = lm_build_node(builder, &node);
	if (!err)
		err = lm_build_edge(builder, node, '0', '9', after);
	*ret_point = node;
	return err;
}

/* A node where the number may end: at a point (if there may be one), or with one more digit. */
static mw_lm_err build_digit(const struct lm_builder *builder, uint32_t next, uint32_t point,
			     uint32_t more, uint32_t *ret_node)
{
	mw_lm_err err = lm_build_node(builder, ret_node);

	if (err)
		return err;
	builder->automaton->nodes[*ret_node].also = next;
	if (point != LM_NO_NODE)
		err = lm_build_edge(builder, *ret_node, '.', '.', point);
	if (!err && more != LM_NO_NODE)
		err = lm_build_edge(builder, *ret_node, '0', '9', more);
	return err;
}

/* least: 0 or 1, no number below it; -1: any. */
static mw_lm_err build_free_number(const struct lm_builder *builder, bool whole, int least,
				   uint32_t next, uint32_t *ret_start)
{
	uint32_t point = LM_NO_NODE, digit = LM_NO_NODE, zero, start, minus;
	mw_lm_err err = whole ? MW_LM_E_OK : build_decimals(builder, next, &point);

	for (uint32_t i = 0; i < MAX_DIGITS && !err; i++)
		err = build_digit(builder, next, point, digit, &digit);
	if (!err)
		err = build_digit(builder, next, point, LM_NO_NODE, &zero);
	if (!err)
		err = lm_build_node(builder, &start);
	if (!err)
		err = lm_build_edge(builder, start, '1', '9', digit);
	if (!err && least < 1)
		err = lm_build_edge(builder, start, '0', '0', zero);
	if (!err && least < 0)
		err = lm_build_node(builder, &minus);
	if (!err && least < 0)
		err = lm_build_edge(builder, start, '-', '-', minus);
	if (!err && least < 0)
		err = lm_build_edge(builder, minus, '1', '9', digit);
	if (!err)
		*ret_start = start;
	return err;
}

static mw_lm_err build_range(const struct lm_builder *builder, int64_t min, int64_t max,
			     uint32_t next, uint32_t *ret_start)
{
	uint32_t start;
	mw_lm_err err = lm_build_node(builder, &start);

	if (min > max)
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "no number is %lld or more and %lld or less",
					   (long long)min, (long long)max);
	for (int64_t i = min; i <= max && !err; i++) {
		char text[24];
		int n = snprintf(text, sizeof(text), "%lld", (long long)i);

		err = lm_build_text(builder, start, text, (size_t)n, next);
	}
	if (!err)
		*ret_start = start;
	return err;
}

mw_lm_err lm_build_number(struct lm_builder *builder, const struct lm_json *schema, bool whole,
			  uint32_t next, uint32_t *ret_start)
{
	const struct lm_json *min = lm_json_find(schema, "minimum");
	const struct lm_json *max = lm_json_find(schema, "maximum");
	int64_t low = -1, high = 0;

	if (builder->no_digits)
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
					   "a number is free here, and digits may not be: give an "
					   "enum");
	if ((min && !lm_json_whole(min, &low)) || (max && !lm_json_whole(max, &high)))
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
					   "minimum and maximum are not whole numbers");
	if (whole && min && max && (low > high || (uint64_t)high - (uint64_t)low < MAX_ONE_BY_ONE))
		return build_range(builder, low, high, next, ret_start);
	if (max || (min && low != 0 && (low != 1 || !whole)))
		return lm_builder_complain(
		    builder, MW_LM_E_UNSUPPORTED,
		    "only a minimum of 0 or 1, or whole numbers in a range of %d, are supported",
		    MAX_ONE_BY_ONE);
	return build_free_number(builder, whole, min ? (int)low : -1, next, ret_start);
}
