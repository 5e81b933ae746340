/*
 * json -- readings in a JSON document: an object of values, {"name": .., "value": ..} objects, or
 * an array of either.  Pointers are RFC 6901 ("/data/temperature").
 */
#include "plugins/json_time.h"
#include "plugins/mw_plugin.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX    32
#define POINTERS_MAX 64
#define TAG_MAX      128
#define TEXT_MAX     64 /* a number or a time written as text */

#define BAD_QUALITY 1 /* the sender says that there is no reading: null */

struct json_config {
	const char *values, *time, *time_unit, *tag, *value, *items;
};

struct json_state {
	const struct json_config *config;
	const struct mw_host *host;
	mw_instance *instance;
	char *list;                        /* the text of `values`, cut at the commas */
	const char *pointer[POINTERS_MAX]; /* into list; none: every number */
	char tag[POINTERS_MAX][TAG_MAX];   /* "/a/b" is channel "a.b" */
	size_t n_pointer;
};

static mw_err refuse(const struct json_state *state, const char *why, const char *detail)
{
	state->host->log(state->instance, 1, "payload.malformed", "%s%.100s", why, detail);
	return MW_E_MALFORMED;
}

/* --- RFC 6901 --------------------------------------------------------------------------------- */

/* One reference token, with ~0 and ~1 undone; returns what follows it, or NULL when it is
 * malformed. */
static const char *take_token(const char *at, char token[TAG_MAX])
{
	size_t n = 0;

	for (at++; *at != '\0' && *at != '/'; at++) {
		char c = *at;

		if (c == '~') {
			at++;
			if (*at != '0' && *at != '1')
				return NULL;
			c = *at == '0' ? '~' : '/';
		}
		if (n == TAG_MAX - 1)
			return NULL;
		token[n++] = c;
	}
	token[n] = '\0';
	return at;
}

static bool array_index(const char *token, size_t *ret_index)
{
	size_t len = strlen(token);

	if (len == 0 || len > 6 || strspn(token, "0123456789") != len ||
	    (token[0] == '0' && len > 1))
		return false;
	*ret_index = (size_t)strtoul(token, NULL, 10);
	return true;
}

/* The value at the pointer, borrowed; NULL: not there.  "" is the document itself. */
static json_t *find(json_t *root, const char *pointer)
{
	char token[TAG_MAX];
	size_t index;

	while (root && *pointer != '\0') {
		pointer = take_token(pointer, token);
		if (!pointer)
			return NULL;
		if (json_is_object(root))
			root = json_object_get(root, token);
		else if (json_is_array(root) && array_index(token, &index))
			root = json_array_get(root, index);
		else
			root = NULL;
	}
	return root;
}

static bool good_pointer(const char *pointer)
{
	char token[TAG_MAX];

	while (pointer && *pointer != '\0')
		pointer = *pointer == '/' ? take_token(pointer, token) : NULL;
	return pointer != NULL;
}

/* "/data/temp" -> "data.temp" */
static bool pointer_tag(const char *pointer, char tag[TAG_MAX])
{
	char token[TAG_MAX];
	size_t n = 0;

	while (*pointer != '\0') {
		size_t len;

		pointer = take_token(pointer, token);
		len = strlen(token);
		if (n + len + 2 > TAG_MAX)
			return false;
		if (n > 0)
			tag[n++] = '.';
		memcpy(tag + n, token, len);
		n += len;
	}
	tag[n] = '\0';
	return true;
}

/* --- values ----------------------------------------------------------------------------------- */

/* A number written as text.  jansson's own parser is used, so that the locale does not matter. */
static bool number_of_text(const char *text, double *ret_value)
{
	json_t *number;
	bool ok;

	if (strlen(text) > TEXT_MAX)
		return false;
	number = json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	ok = json_is_real(number);
	if (ok)
		*ret_value = json_real_value(number);
	json_decref(number);
	return ok;
}

static bool number_of(const json_t *value, double *ret_value)
{
	if (json_is_number(value))
		*ret_value = json_number_value(value);
	else if (json_is_boolean(value))
		*ret_value = json_is_true(value) ? 1 : 0;
	else if (json_is_string(value))
		return number_of_text(json_string_value(value), ret_value);
	else
		return false;
	return isfinite(*ret_value);
}

static bool is_reading(const json_t *value)
{
	return json_is_number(value) || json_is_boolean(value);
}

static bool time_of(const json_t *value, const char *unit, int64_t *ret_ns)
{
	double x;

	if (json_is_integer(value))
		return time_of_number((double)json_integer_value(value), json_integer_value(value),
				      true, unit, ret_ns);
	if (json_is_real(value))
		return time_of_number(json_real_value(value), 0, false, unit, ret_ns);
	if (!json_is_string(value))
		return false;
	if (strcmp(unit, "iso8601") == 0 || strcmp(unit, "auto") == 0)
		if (time_of_iso(json_string_value(value), ret_ns))
			return true;
	return number_of_text(json_string_value(value), &x) &&
	       time_of_number(x, 0, false, unit, ret_ns);
}

/* --- one document ----------------------------------------------------------------------------- */

/* What is being read: the item, and the document around it. */
struct reading {
	const struct json_state *state;
	json_t *root, *item;
	int64_t time_ns;
	size_t n;
};

static mw_err emit(struct reading *r, const char *tag, double value, uint32_t quality)
{
	const struct mw_sample sample = {
	    .time_ns = r->time_ns, .tag = {tag, strlen(tag)}, .value = value, .quality = quality};

	r->n++;
	return r->state->host->emit_sample(r->state->instance, &sample);
}

/* A value that the configuration points at: null is a reading that is not there. */
static mw_err emit_pointed(struct reading *r, const char *tag, const json_t *value)
{
	double number;

	if (json_is_null(value))
		return emit(r, tag, NAN, BAD_QUALITY);
	if (!number_of(value, &number))
		return refuse(r->state, "not a number: ", tag);
	return emit(r, tag, number, 0);
}

/* The item's own time, else the document's. */
static mw_err read_time(struct reading *r)
{
	const char *pointer = r->state->config->time;
	json_t *value;

	r->time_ns = 0;
	if (*pointer == '\0')
		return MW_E_OK;
	value = find(r->item, pointer);
	if (!value)
		value = find(r->root, pointer);
	if (!value)
		return refuse(r->state, "no time at ", pointer);
	if (!time_of(value, r->state->config->time_unit, &r->time_ns))
		return refuse(r->state, "not a time: ", pointer);
	return MW_E_OK;
}

static mw_err read_named(struct reading *r)
{
	const struct json_config *config = r->state->config;
	json_t *tag = find(r->item, config->tag);
	json_t *value = find(r->item, config->value);
	const char *name = json_string_value(tag);

	if (!name || *name == '\0' || strlen(name) != json_string_length(tag))
		return refuse(r->state, "no channel name at ", config->tag);
	if (!value)
		return refuse(r->state, "no value at ", config->value);
	return emit_pointed(r, name, value);
}

static mw_err read_pointed(struct reading *r)
{
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < r->state->n_pointer && !err; i++) {
		json_t *value = find(r->item, r->state->pointer[i]);

		if (value)
			err = emit_pointed(r, r->state->tag[i], value);
	}
	return err;
}

/* Every number of an object; one level of objects inside becomes "outer.inner". */
static mw_err read_members(struct reading *r, json_t *object, const char *outer)
{
	json_t *time = *r->state->config->time ? find(r->item, r->state->config->time) : NULL;
	char tag[TAG_MAX];
	const char *key;
	json_t *value;
	mw_err err = MW_E_OK;

	json_object_foreach(object, key, value)
	{
		int n = snprintf(tag, sizeof(tag), "%s%s%s", outer, *outer ? "." : "", key);

		if (value == time || (!is_reading(value) && !json_is_object(value)))
			continue;
		if (n < 0 || (size_t)n >= sizeof(tag))
			return refuse(r->state, "a channel's name is too long: ", key);
		if (is_reading(value))
			err = emit_pointed(r, tag, value);
		else if (*outer == '\0')
			err = read_members(r, value, key);
		if (err)
			return err;
	}
	return MW_E_OK;
}

static mw_err read_item(struct reading *r)
{
	mw_err err = read_time(r);

	if (err)
		return err;
	if (*r->state->config->tag != '\0')
		return read_named(r);
	if (r->state->n_pointer > 0)
		return read_pointed(r);
	if (is_reading(r->item))
		return emit_pointed(r, "", r->item);
	return json_is_object(r->item) ? read_members(r, r->item, "") : MW_E_OK;
}

static mw_err read_document(const struct json_state *state, json_t *root)
{
	struct reading r = {.state = state, .root = root, .item = find(root, state->config->items)};
	mw_err err = MW_E_OK;

	if (!r.item)
		return refuse(state, "nothing at ", state->config->items);
	if (json_is_array(r.item)) {
		json_t *array = r.item;

		for (size_t i = 0; i < json_array_size(array) && !err; i++) {
			r.item = json_array_get(array, i);
			err = read_item(&r);
		}
	} else {
		err = read_item(&r);
	}
	if (!err && r.n == 0)
		return refuse(state, "no reading found", "");
	return err;
}

/* --- the plugin ------------------------------------------------------------------------------- */

/* jansson descends up to 2048 levels; a reading needs a handful. */
static bool too_deep(const char *text, size_t size)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < size; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!in_string && (text[i] == '}' || text[i] == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

static mw_err json_decode(void *own, struct mw_str topic, const void *payload, size_t size)
{
	const struct json_state *state = own;
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_error_t error;
	json_t *root;
	mw_err err;

	(void)topic;
	if (size == 0)
		return refuse(state, "the payload is empty", "");
	if (too_deep(payload, size))
		return refuse(state, "nested too deeply", "");
	root = json_loadb(payload, size, flags, &error);
	if (!root && json_error_code(&error) == json_error_numeric_overflow) /* a 64-bit counter */
		root = json_loadb(payload, size, flags | JSON_DECODE_INT_AS_REAL, &error);
	if (!root)
		return refuse(state, "not JSON: ", error.text);
	err = read_document(state, root);
	json_decref(root);
	return err;
}

static mw_err check_pointer(const char *key, const char *pointer, char *why, size_t why_size)
{
	if (good_pointer(pointer))
		return MW_E_OK;
	(void)snprintf(why, why_size, "%s: \"%.60s\" is no JSON pointer, such as \"/data/temp\"",
		       key, pointer);
	return MW_E_CONFIG;
}

/* Cuts "/a, /b" into pointers, in place; false: too many, or not pointers. */
static bool cut_list(struct json_state *state)
{
	char *save = NULL;

	for (char *p = strtok_r(state->list, ", ", &save); p; p = strtok_r(NULL, ", ", &save)) {
		if (state->n_pointer == POINTERS_MAX || !good_pointer(p) ||
		    !pointer_tag(p, state->tag[state->n_pointer]))
			return false;
		state->pointer[state->n_pointer++] = p;
	}
	return state->n_pointer > 0;
}

static mw_err read_list(struct json_state *state, const char *values)
{
	if (strcmp(values, "*") == 0)
		return MW_E_OK;
	state->list = strdup(values);
	if (!state->list)
		return MW_E_NOMEM;
	return cut_list(state) ? MW_E_OK : MW_E_CONFIG;
}

static mw_err check_values(const char *values, char *why, size_t why_size)
{
	struct json_state *scratch = calloc(1, sizeof(*scratch));
	mw_err err = scratch ? read_list(scratch, values) : MW_E_NOMEM;

	if (scratch)
		free(scratch->list);
	free(scratch);
	if (err)
		(void)snprintf(why, why_size,
			       "values: must be \"*\" or 1 to %d JSON pointers with commas between",
			       POINTERS_MAX);
	return err;
}

static mw_err json_check(const void *own, char *why, size_t why_size)
{
	const struct json_config *config = own;
	const char *unit = config->time_unit;
	mw_err err = check_values(config->values, why, why_size);

	if (!err)
		err = check_pointer("time", config->time, why, why_size);
	if (!err)
		err = check_pointer("tag", config->tag, why, why_size);
	if (!err)
		err = check_pointer("value", config->value, why, why_size);
	if (!err)
		err = check_pointer("items", config->items, why, why_size);
	if (!err && strcmp(unit, "auto") != 0 && strcmp(unit, "iso8601") != 0 &&
	    unit_ns(unit) == 0) {
		(void)snprintf(why, why_size,
			       "time_unit: must be \"auto\", \"s\", \"ms\", \"us\", \"ns\" or "
			       "\"iso8601\"");
		err = MW_E_CONFIG;
	}
	return err;
}

static mw_err json_init(void *own, const void *config, const struct mw_host *host,
			mw_instance *instance)
{
	struct json_state *state = own;

	state->config = config;
	state->host = host;
	state->instance = instance;
	return read_list(state, state->config->values);
}

static void json_fini(void *own)
{
	struct json_state *state = own;

	free(state->list);
}

#define AT(member) (uint32_t) offsetof(struct json_config, member)

static const struct mw_option json_options[] = {
    {"values", MW_OPT_STR, AT(values), "*", 0, 0,
     "JSON pointers of the values, with commas between; \"*\" = every number and boolean, one "
     "level of objects included. \"/a/b\" becomes the channel \"a.b\"."},
    {"time", MW_OPT_STR, AT(time), "", 0, 0,
     "Pointer to the time, in the item or else in the document; \"\" = the time of arrival."},
    {"time_unit", MW_OPT_STR, AT(time_unit), "auto", 0, 0,
     "\"s\", \"ms\", \"us\", \"ns\", \"iso8601\" (UTC when it has no offset), or \"auto\" by "
     "magnitude."},
    {"tag", MW_OPT_STR, AT(tag), "", 0, 0,
     "Pointer to the channel's name, for {\"name\": .., \"value\": ..}; \"\" = not of that form."},
    {"value", MW_OPT_STR, AT(value), "/value", 0, 0, "Pointer to the value, where tag is set."},
    {"items", MW_OPT_STR, AT(items), "", 0, 0,
     "Pointer to the item or to an array of items; \"\" = the document itself."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_plugin json_plugin = {
    .abi = MW_PLUGIN_ABI,
    .size = sizeof(struct mw_plugin),
    .kind = MW_DECODER,
    .state_size = sizeof(struct json_state),
    .config_size = sizeof(struct json_config),
    .name = "json",
    .version = "1",
    .summary = "Readings in a JSON object, in {\"name\", \"value\"} objects, or in an array of "
	       "either.",
    .options = json_options,
    .check = json_check,
    .init = json_init,
    .fini = json_fini,
    .decode = json_decode,
};

const struct mw_plugin *mw_plugin_entry(void)
{
	return &json_plugin;
}
