/* Schemas: values that hold others, and what is made of the whole. */
#include "model/engine/schema.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PROPERTIES 256u
#define MAX_ITEMS      1024u

static mw_lm_err build_value(struct lm_builder *builder, const struct lm_json *schema,
			     uint32_t next, uint32_t *ret_start);

static mw_lm_err build_inner(struct lm_builder *builder, const char *name,
			     const struct lm_json *schema, uint32_t next, uint32_t *ret_start)
{
	mw_lm_err err;

	if (builder->depth == LM_JSON_MAX_DEPTH)
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED, "nested too deeply");
	builder->path[builder->depth++] = name;
	err = build_value(builder, schema, next, ret_start);
	if (!err)
		builder->depth--;
	return err;
}

/* --- objects ---------------------------------------------------------------------------------- */

static bool is_required(const struct lm_json *required, const struct lm_json *property)
{
	const struct lm_json *name = required ? required->first : NULL;

	for (; name; name = name->next)
		if (name->type == LM_JSON_STRING && name->size == property->key_size &&
		    memcmp(name->text, property->key, name->size) == 0)
			return true;
	return false;
}

/* What is required must be described. */
static mw_lm_err check_required(const struct lm_builder *builder, const struct lm_json *required,
				const struct lm_json *properties)
{
	const struct lm_json *name = required ? required->first : NULL;

	if (required && required->type != LM_JSON_ARRAY)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "required is not a list");
	for (; name; name = name->next) {
		const struct lm_json *property = properties ? properties->first : NULL;

		if (name->type != LM_JSON_STRING)
			return lm_builder_complain(builder, MW_LM_E_FORMAT, "required: not a name");
		while (property && (property->key_size != name->size ||
				    memcmp(property->key, name->text, name->size) != 0))
			property = property->next;
		if (!property)
			return lm_builder_complain(builder, MW_LM_E_FORMAT,
						   "'%.*s' is required and not described",
						   (int)name->size, name->text);
	}
	return MW_LM_E_OK;
}

/* ,"name": */
static mw_lm_err build_name(struct lm_builder *builder, uint32_t from, bool comma,
			    const struct lm_json *property, uint32_t next)
{
	size_t size = lm_json_write_string(property->key, property->key_size, NULL, 0), n = 0;
	char *text = lm_arena_take(&builder->arena, size + 2, 1);

	if (!text)
		return lm_builder_complain(builder, MW_LM_E_MEMORY, "no memory");
	if (comma)
		text[n++] = ',';
	n += lm_json_write_string(property->key, property->key_size, text + n, size);
	text[n++] = ':';
	return lm_build_text(builder, from, text, n, next);
}

/* The node before property i: it or a later one may follow, up to the first that must, or the
 * end. */
static mw_lm_err build_choice(struct lm_builder *builder, const struct lm_json *required,
			      const struct lm_json *property, const uint32_t *starts, bool first,
			      uint32_t next, uint32_t *ret_node)
{
	uint32_t node;
	mw_lm_err err = lm_build_node(builder, &node);

	for (; property && !err; property = property->next) {
		err = build_name(builder, node, !first, property, *starts++);
		if (is_required(required, property))
			break;
	}
	if (!err && !property)
		err = lm_build_edge(builder, node, '}', '}', next);
	if (!err)
		*ret_node = node;
	return err;
}

/* From the last property to the first. */
static mw_lm_err build_properties(struct lm_builder *builder, const struct lm_json *required,
				  const struct lm_json *const *list, size_t n, uint32_t next,
				  uint32_t *ret_first)
{
	uint32_t starts[MAX_PROPERTIES + 1], node = LM_NO_NODE;
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = n; i-- > 0 && !err;) {
		err = build_choice(builder, required, list[i]->next, starts + i + 1, false, next,
				   &node);
		if (!err)
			err = build_inner(builder, list[i]->key, list[i], node, &starts[i]);
	}
	if (!err)
		err =
		    build_choice(builder, required, n ? list[0] : NULL, starts, true, next, &node);
	*ret_first = node;
	return err;
}

static mw_lm_err build_object(struct lm_builder *builder, const struct lm_json *schema,
			      uint32_t next, uint32_t *ret_start)
{
	const struct lm_json *properties = lm_json_find(schema, "properties");
	const struct lm_json *required = lm_json_find(schema, "required");
	const struct lm_json *list[MAX_PROPERTIES], *property;
	uint32_t first, start;
	size_t n = 0;
	mw_lm_err err = check_required(builder, required, properties);

	if (err)
		return err;
	if (properties && (properties->type != LM_JSON_OBJECT || properties->n > MAX_PROPERTIES))
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "properties are not an object of at most %u",
					   MAX_PROPERTIES);
	for (property = properties ? properties->first : NULL; property; property = property->next)
		list[n++] = property;
	err = build_properties(builder, required, list, n, next, &first);
	if (!err)
		err = lm_build_node(builder, &start);
	if (!err)
		err = lm_build_edge(builder, start, '{', '{', first);
	if (!err)
		*ret_start = start;
	return err;
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* From the last item to the first; `item` is where the one after begins. */
static mw_lm_err build_items(struct lm_builder *builder, const struct lm_json *items, uint32_t min,
			     uint32_t max, uint32_t next, uint32_t *ret_item)
{
	bool endless = max == LM_NO_NODE;
	uint32_t last = endless ? (min ? min : 1) : max, item = LM_NO_NODE, after, inner;
	mw_lm_err err = MW_LM_E_OK;

	for (uint32_t i = last; i > 0 && !err; i--) {
		inner = item;
		err = lm_build_node(builder, &after);
		if (!err && i >= min)
			err = lm_build_edge(builder, after, ']', ']', next);
		if (!err)
			err = build_inner(builder, "items", items, after, &item);
		if (endless && i == last)
			inner = item;
		if (!err && inner != LM_NO_NODE)
			err = lm_build_edge(builder, after, ',', ',', inner);
	}
	*ret_item = item;
	return err;
}

static mw_lm_err build_array(struct lm_builder *builder, const struct lm_json *schema,
			     uint32_t next, uint32_t *ret_start)
{
	const struct lm_json *items = lm_json_find(schema, "items");
	uint32_t min, max, item = LM_NO_NODE, first = LM_NO_NODE, start = LM_NO_NODE;
	mw_lm_err err = lm_build_bound(builder, schema, "minItems", 0, &min);

	if (!err)
		err = lm_build_bound(builder, schema, "maxItems", LM_NO_NODE, &max);
	if (err)
		return err;
	if (min > max || min > MAX_ITEMS || (max > MAX_ITEMS && max != LM_NO_NODE))
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "no list has %u items or more and %u or less (at most "
					   "%u)",
					   min, max, MAX_ITEMS);
	if (!items && max > 0)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "items are not described");
	if (max > 0)
		err = build_items(builder, items, min, max, next, &item);
	if (!err)
		err = lm_build_node(builder, &first);
	if (!err && min == 0)
		err = lm_build_edge(builder, first, ']', ']', next);
	if (!err)
		err = lm_build_node(builder, &start);
	if (!err)
		err = lm_build_edge(builder, start, '[', '[', first);
	if (err)
		return err;
	builder->automaton->nodes[first].also = item;
	*ret_start = start;
	return MW_LM_E_OK;
}

/* --- choices ---------------------------------------------------------------------------------- */

/* What may begin a value is given to start too. */
static mw_lm_err merge(const struct lm_builder *builder, uint32_t start, uint32_t value)
{
	const struct lm_automaton *automaton = builder->automaton;
	uint32_t at = automaton->nodes[value].edges;
	mw_lm_err err = MW_LM_E_OK;

	for (; at != LM_NO_NODE && !err; at = automaton->edges[at].link) {
		struct lm_edge edge = automaton->edges[at];

		for (uint32_t byte = edge.low; byte <= edge.high; byte++)
			if (lm_automaton_find(automaton, start, (uint8_t)byte) != LM_NO_NODE)
				return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
							   "two alternatives begin with '%c'",
							   (int)byte);
		err = lm_build_edge(builder, start, edge.low, edge.high, edge.next);
	}
	return err;
}

static mw_lm_err build_any_of(struct lm_builder *builder, const struct lm_json *any, uint32_t next,
			      uint32_t *ret_start)
{
	uint32_t start, value;
	mw_lm_err err = lm_build_node(builder, &start);

	if (any->type != LM_JSON_ARRAY || any->n == 0)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "anyOf is not a list");
	for (const struct lm_json *one = any->first; one && !err; one = one->next) {
		err = build_inner(builder, "anyOf", one, next, &value);
		if (!err)
			err = merge(builder, start, value);
	}
	if (!err)
		*ret_start = start;
	return err;
}

static const char *type_name(const struct lm_json *value)
{
	static const char *const names[] = {
	    [LM_JSON_NULL] = "null",     [LM_JSON_BOOL] = "boolean", [LM_JSON_NUMBER] = "number",
	    [LM_JSON_STRING] = "string", [LM_JSON_ARRAY] = "array",  [LM_JSON_OBJECT] = "object"};

	return names[value->type];
}

/* Whether a value is of a type that the schema names, if it names one. */
static bool fits_type(const struct lm_json *value, const struct lm_json *type)
{
	const struct lm_json *one = type && type->type == LM_JSON_ARRAY ? type->first : type;
	int64_t whole;

	if (!type)
		return true;
	for (; one; one = type->type == LM_JSON_ARRAY ? one->next : NULL)
		if (lm_json_is(one, type_name(value)) ||
		    (lm_json_is(one, "integer") && lm_json_whole(value, &whole)))
			return true;
	return false;
}

static mw_lm_err build_enum(struct lm_builder *builder, const struct lm_json *schema,
			    const struct lm_json *values, uint32_t next, uint32_t *ret_start)
{
	static const char *const others[] = {"minLength", "maxLength", "minimum",    "maximum",
					     "minItems",  "maxItems",  "properties", "items"};
	const struct lm_json *type = lm_json_find(schema, "type");
	uint32_t start;
	size_t n = 0;
	mw_lm_err err = lm_build_node(builder, &start);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (lm_json_find(schema, others[i]))
			return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
						   "%s beside an enum or const", others[i]);
	for (const struct lm_json *value = values; value && !err; value = value->next) {
		if (!fits_type(value, type))
			continue;
		err = lm_build_literal(builder, start, value, next);
		n++;
	}
	if (!err && n == 0)
		return lm_builder_complain(builder, MW_LM_E_FORMAT,
					   "no value of the enum is of the type that is wanted");
	if (!err)
		*ret_start = start;
	return err;
}

/* --- values ----------------------------------------------------------------------------------- */

static mw_lm_err build_words(struct lm_builder *builder, const char *const *words, size_t n,
			     uint32_t next, uint32_t *ret_start)
{
	mw_lm_err err = lm_build_node(builder, ret_start);

	for (size_t i = 0; i < n && !err; i++)
		err = lm_build_text(builder, *ret_start, words[i], strlen(words[i]), next);
	return err;
}

static mw_lm_err build_type(struct lm_builder *builder, const struct lm_json *schema,
			    const struct lm_json *type, uint32_t next, uint32_t *ret_start)
{
	static const char *const truths[] = {"true", "false"}, *const null[] = {"null"};

	if (lm_json_is(type, "object"))
		return build_object(builder, schema, next, ret_start);
	if (lm_json_is(type, "array"))
		return build_array(builder, schema, next, ret_start);
	if (lm_json_is(type, "string"))
		return lm_build_string(builder, schema, next, ret_start);
	if (lm_json_is(type, "integer") || lm_json_is(type, "number"))
		return lm_build_number(builder, schema, lm_json_is(type, "integer"), next,
				       ret_start);
	if (lm_json_is(type, "boolean"))
		return build_words(builder, truths, 2, next, ret_start);
	if (lm_json_is(type, "null"))
		return build_words(builder, null, 1, next, ret_start);
	return lm_builder_complain(builder, MW_LM_E_FORMAT, "the type is not one of JSON Schema");
}

static mw_lm_err build_types(struct lm_builder *builder, const struct lm_json *schema,
			     const struct lm_json *types, uint32_t next, uint32_t *ret_start)
{
	uint32_t start, value;
	mw_lm_err err;

	if (types->type != LM_JSON_ARRAY)
		return build_type(builder, schema, types, next, ret_start);
	if (types->n == 0)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "no type is allowed");
	err = lm_build_node(builder, &start);
	for (const struct lm_json *type = types->first; type && !err; type = type->next) {
		err = build_type(builder, schema, type, next, &value);
		if (!err)
			err = merge(builder, start, value);
	}
	if (!err)
		*ret_start = start;
	return err;
}

/* A key that is not known may ask for what is not checked. */
static mw_lm_err check_keys(const struct lm_builder *builder, const struct lm_json *schema)
{
	static const char *const known[] = {
	    "type",      "properties", "required", "additionalProperties",
	    "items",     "minItems",   "maxItems", "minLength",
	    "maxLength", "enum",       "const",    "minimum",
	    "maximum",   "anyOf",      "title",    "description",
	    "default",   "examples",   "$schema",  "$id",
	    "$comment",  "deprecated", "readOnly", "writeOnly"};

	if (schema->type != LM_JSON_OBJECT)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "a schema is not an object");
	for (const struct lm_json *member = schema->first; member; member = member->next) {
		size_t i = 0, n = sizeof(known) / sizeof(known[0]);

		while (i < n && (strlen(known[i]) != member->key_size ||
				 memcmp(known[i], member->key, member->key_size) != 0))
			i++;
		if (i == n)
			return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
						   "the key '%.*s' is not supported",
						   (int)member->key_size, member->key);
	}
	return MW_LM_E_OK;
}

static mw_lm_err build_value(struct lm_builder *builder, const struct lm_json *schema,
			     uint32_t next, uint32_t *ret_start)
{
	const struct lm_json *values = lm_json_find(schema, "enum");
	const struct lm_json *one = lm_json_find(schema, "const");
	const struct lm_json *any = lm_json_find(schema, "anyOf");
	const struct lm_json *type = lm_json_find(schema, "type");
	struct lm_json single;
	mw_lm_err err = check_keys(builder, schema);

	if (err)
		return err;
	if (any && (type || values || one))
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED,
					   "anyOf beside a type, enum or const");
	if (any)
		return build_any_of(builder, any, next, ret_start);
	if (one && values)
		return lm_builder_complain(builder, MW_LM_E_UNSUPPORTED, "const beside an enum");
	if (one) {
		single = *one;
		single.next = NULL;
		return build_enum(builder, schema, &single, next, ret_start);
	}
	if (values && values->type != LM_JSON_ARRAY)
		return lm_builder_complain(builder, MW_LM_E_FORMAT, "enum is not a list");
	if (values)
		return build_enum(builder, schema, values->first, next, ret_start);
	if (type)
		return build_types(builder, schema, type, next, ret_start);
	if (lm_json_find(schema, "properties"))
		return build_object(builder, schema, next, ret_start);
	if (lm_json_find(schema, "items"))
		return build_array(builder, schema, next, ret_start);
	return lm_builder_complain(
	    builder, MW_LM_E_UNSUPPORTED,
	    "no type, enum, const or anyOf: anything at all is not supported");
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Braces stand for references alone where there are some, or where digits must come from them. */
static void choose_chars(struct lm_builder *builder)
{
	struct lm_automaton *automaton = builder->automaton;
	const bool *single = builder->vocabulary->single;

	automaton->wide = true;
	automaton->escapes = single['\\'];
	automaton->no_numbers = builder->no_digits;
	for (uint32_t c = 0x20; c < 0x7F; c++) {
		bool brace = c == '{' || c == '}', digit = c >= '0' && c <= '9';

		automaton->ascii[c] = single[c] && c != '"' && c != '\\' &&
				      !(brace && (builder->no_digits || automaton->references)) &&
				      !(digit && builder->no_digits);
		builder->has_char |= automaton->ascii[c];
	}
	for (uint32_t byte = 0x80; byte <= 0xF4; byte++)
		automaton->wide &= single[byte] || byte == 0xC0 || byte == 0xC1;
}

static mw_lm_err add_reference(const struct lm_builder *builder, const char *text)
{
	size_t size = strlen(text);

	if (size < 2 || size > LM_MAX_REFERENCE || text[0] != '{' ||
	    strchr(text, '}') != text + size - 1)
		return lm_builder_complain(builder, MW_LM_E_ARGUMENT,
					   "the reference '%.64s' is not {...}, at most %u bytes",
					   text, LM_MAX_REFERENCE);
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)text[i];

		if (byte < 0x20 || byte >= 0x7F || byte == '"' || byte == '\\' ||
		    !builder->vocabulary->single[byte])
			return lm_builder_complain(builder, MW_LM_E_ARGUMENT,
						   "the reference '%.64s' has a byte (0x%02x) that "
						   "cannot be written",
						   text, byte);
	}
	if (!lm_automaton_reference(builder->automaton, text, size))
		return lm_builder_complain(builder, MW_LM_E_MEMORY, "no memory for references");
	return MW_LM_E_OK;
}

static mw_lm_err build_all(struct lm_builder *builder, const struct lm_json *json,
			   const struct mw_lm_schema_options *options)
{
	struct lm_automaton *automaton = builder->automaton;
	uint32_t end;
	mw_lm_err err = MW_LM_E_OK;

	if (options->n_references > LM_MAX_REFERENCES)
		return lm_builder_complain(builder, MW_LM_E_ARGUMENT, "more than %u references",
					   LM_MAX_REFERENCES);
	for (size_t i = 0; i < options->n_references && !err; i++)
		err = add_reference(builder, options->references[i]);
	if (err)
		return err;
	choose_chars(builder);
	err = lm_build_node(builder, &end);
	if (err)
		return err;
	automaton->nodes[end].final = true;
	err = build_value(builder, json, end, &automaton->start);
	if (!err && !lm_automaton_measure(automaton))
		err = lm_builder_complain(builder, MW_LM_E_MEMORY, "no memory for the schema");
	return err;
}

static mw_lm_err schema_init(struct mw_lm_schema *schema, const char *text, size_t size,
			     const struct mw_lm_schema_options *options, const struct lm_why *why)
{
	struct lm_builder builder = {.automaton = &schema->automaton,
				     .vocabulary = &schema->vocabulary,
				     .why = why,
				     .no_digits = options->no_digits};
	struct lm_json *json;
	const char *no_tokenizer = NULL;
	mw_lm_err err = lm_vocabulary_init(&schema->vocabulary, schema->model, &schema->arena);

	if (err == MW_LM_E_UNSUPPORTED)
		(void)mw_lm_tokenizer_name(schema->model, &no_tokenizer);
	if (err)
		return lm_why(why, err, "%s",
			      no_tokenizer ? no_tokenizer : "no memory for the vocabulary");
	err = lm_json_parse(&builder.arena, text, size, &json, why);
	if (!err)
		err = build_all(&builder, json, options);
	if (!err)
		lm_vocabulary_measure(&schema->vocabulary, &schema->automaton);
	lm_arena_done(&builder.arena);
	return err;
}

mw_lm_err mw_lm_schema_new(const struct mw_lm *model, const char *text, size_t size,
			   const struct mw_lm_schema_options *options,
			   struct mw_lm_schema **ret_schema, char *why_text, size_t why_size)
{
	static const struct mw_lm_schema_options defaults;
	const struct lm_why why = {why_text, why_size};
	struct mw_lm_schema *schema = calloc(1, sizeof(*schema));
	mw_lm_err err;

	if (!schema)
		return lm_why(&why, MW_LM_E_MEMORY, "no memory for the schema");
	schema->model = model;
	err = schema_init(schema, text, size, options ? options : &defaults, &why);
	if (err) {
		mw_lm_schema_free(schema);
		return err;
	}
	*ret_schema = schema;
	return MW_LM_E_OK;
}

void mw_lm_schema_free(struct mw_lm_schema *schema)
{
	if (!schema)
		return;
	lm_automaton_done(&schema->automaton);
	lm_arena_done(&schema->arena);
	free(schema);
}

uint32_t mw_lm_schema_shortest(const struct mw_lm_schema *schema)
{
	return schema->automaton.nodes[schema->automaton.start].distance;
}

bool mw_lm_schema_admits(const struct mw_lm_schema *schema, const char *text, size_t size)
{
	struct lm_place place = {schema->automaton.start, 0};

	for (size_t i = 0; i < size; i++)
		if (!lm_automaton_step(&schema->automaton, &place, (uint8_t)text[i]))
			return false;
	return lm_automaton_may_end(&schema->automaton, place);
}
