#include "gateway/io/conf_table.h"

#include "gateway/base/units.h"
#include "gateway/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 4096 /* bytes of one string value */

struct mw_conf_block {
	struct mw_conf_block *older;
	max_align_t data[];
};

void *mw_conf_alloc(struct mw_conf_arena *arena, size_t size)
{
	struct mw_conf_block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->older = arena->newest;
	arena->newest = block;
	return block->data;
}

char *mw_conf_strdup(struct mw_conf_arena *arena, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = mw_conf_alloc(arena, size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void mw_conf_arena_done(struct mw_conf_arena *arena)
{
	while (arena->newest) {
		struct mw_conf_block *block = arena->newest;

		arena->newest = block->older;
		free(block);
	}
}

mw_err mw_conf_fail(const struct mw_conf_reader *reader, const config_setting_t *setting,
		    const char *path, const char *key, const char *fmt, ...)
{
	const char *file = setting ? config_setting_source_file(setting) : NULL;
	unsigned line = setting ? config_setting_source_line(setting) : 0;
	char what[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return mw_why(MW_E_CONFIG, reader->why, reader->why_size, "%s:%u: %s%s%s: %s",
		      file ? file : reader->file, line > 0 ? line : 1, path,
		      key && *path ? "." : "", key ? key : "", what);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void include_from(config_t *tree, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : NULL;

	if (dir)
		config_set_include_dir(tree, dir);
	free(dir);
}

mw_err mw_conf_open(const char *path, char *why, size_t why_size, config_t *ret_tree)
{
	FILE *file = fopen(path, "re");
	const char *at;
	int parsed;

	if (!file)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", path, strerror(errno));
	if (fgetc(file) == EOF && ferror(file)) { /* a directory opens, but cannot be read */
		(void)fclose(file);
		return mw_why(MW_E_IO, why, why_size, "%s: cannot be read", path);
	}
	rewind(file);
	config_init(ret_tree);
	include_from(ret_tree, path);
	parsed = config_read(ret_tree, file);
	(void)fclose(file);
	if (parsed == CONFIG_TRUE)
		return MW_E_OK;
	at = config_error_file(ret_tree);
	(void)mw_why(MW_E_CONFIG, why, why_size, "%s:%d: %s", at ? at : path,
		     config_error_line(ret_tree), config_error_text(ret_tree));
	config_destroy(ret_tree);
	return MW_E_CONFIG;
}

/* --- values ----------------------------------------------------------------------------------- */

union value {
	bool flag;
	int64_t integer;
	double real;
	const char *text;
	uint64_t size;
};

static const char *const type_text[] = {
    [MW_OPT_BOOL] = "true or false",
    [MW_OPT_INT] = "a whole number",
    [MW_OPT_FLOAT] = "a number",
    [MW_OPT_STR] = "a text in quotes",
    [MW_OPT_DURATION] = "a duration in quotes, such as \"500ms\", \"30s\", \"5min\" or \"1h\"",
    [MW_OPT_SIZE] = "a size in quotes, such as \"64KiB\" or \"256MiB\"",
};

/* A value that is written as text: what a string setting holds, or a default of the table. */
static mw_err value_of_text(const struct mw_option *option, const char *text, char *why,
			    size_t why_size, union value *ret_value)
{
	switch (option->type) {
	case MW_OPT_BOOL:
		ret_value->flag = strcmp(text, "true") == 0;
		return MW_E_OK;
	case MW_OPT_INT:
		ret_value->integer = strtoll(text, NULL, 10);
		return MW_E_OK;
	case MW_OPT_FLOAT:
		ret_value->real = strtod(text, NULL);
		return MW_E_OK;
	case MW_OPT_DURATION:
		return mw_duration_parse(text, why, why_size, &ret_value->integer);
	case MW_OPT_SIZE:
		return mw_size_parse(text, why, why_size, &ret_value->size);
	default:
		ret_value->text = text;
		return MW_E_OK;
	}
}

static bool is_integer(const config_setting_t *setting)
{
	int type = config_setting_type(setting);

	return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}

/* Is the setting of the libconfig type that the option wants? */
static bool type_fits(const struct mw_option *option, const config_setting_t *setting)
{
	switch (option->type) {
	case MW_OPT_BOOL:
		return config_setting_type(setting) == CONFIG_TYPE_BOOL;
	case MW_OPT_INT:
		return is_integer(setting);
	case MW_OPT_FLOAT:
		return is_integer(setting) || config_setting_type(setting) == CONFIG_TYPE_FLOAT;
	default:
		return config_setting_type(setting) == CONFIG_TYPE_STRING;
	}
}

static mw_err value_of_setting(const struct mw_option *option, const config_setting_t *setting,
			       char *why, size_t why_size, union value *ret_value)
{
	const char *text;

	switch (option->type) {
	case MW_OPT_BOOL:
		ret_value->flag = config_setting_get_bool(setting) != 0;
		return MW_E_OK;
	case MW_OPT_INT:
		ret_value->integer = config_setting_get_int64(setting);
		return MW_E_OK;
	case MW_OPT_FLOAT:
		ret_value->real = is_integer(setting) ? (double)config_setting_get_int64(setting)
						      : config_setting_get_float(setting);
		return MW_E_OK;
	default:
		text = config_setting_get_string(setting);
		if (strlen(text) > STRING_MAX || !mw_utf8_is_clean(text, strlen(text)))
			return mw_why(MW_E_CONFIG, why, why_size,
				      "must be UTF-8 without control characters, at most %d bytes",
				      STRING_MAX);
		return value_of_text(option, text, why, why_size, ret_value);
	}
}

static double value_magnitude(const struct mw_option *option, const union value *value)
{
	switch (option->type) {
	case MW_OPT_FLOAT:
		return value->real;
	case MW_OPT_SIZE:
		return (double)value->size;
	default:
		return (double)value->integer;
	}
}

static char *bound_text(const struct mw_option *option, double bound, char *buf, size_t size)
{
	if (option->type == MW_OPT_DURATION)
		return mw_duration_format((int64_t)bound, buf, size);
	if (option->type == MW_OPT_SIZE)
		return mw_size_format((uint64_t)bound, buf, size);
	(void)snprintf(buf, size, "%.12g", bound);
	return buf;
}

static bool in_range(const struct mw_option *option, const union value *value, char *why,
		     size_t why_size)
{
	double x = value_magnitude(option, value);
	char low[32], high[32];

	if (option->min == 0 && option->max == 0)
		return option->type != MW_OPT_FLOAT || isfinite(x);
	if (x >= option->min && x <= option->max)
		return true;
	(void)mw_why(MW_E_CONFIG, why, why_size, "must be from %s to %s",
		     bound_text(option, option->min, low, sizeof(low)),
		     bound_text(option, option->max, high, sizeof(high)));
	return false;
}

static mw_err store_value(const struct mw_conf_reader *reader, const struct mw_option *option,
			  const union value *value, void *base)
{
	void *at = (char *)base + option->offset;

	switch (option->type) {
	case MW_OPT_BOOL:
		*(bool *)at = value->flag;
		return MW_E_OK;
	case MW_OPT_FLOAT:
		*(double *)at = value->real;
		return MW_E_OK;
	case MW_OPT_SIZE:
		*(uint64_t *)at = value->size;
		return MW_E_OK;
	case MW_OPT_STR:
		*(const char **)at = mw_conf_strdup(reader->arena, value->text);
		return *(const char **)at ? MW_E_OK : MW_E_NOMEM;
	default:
		*(int64_t *)at = value->integer;
		return MW_E_OK;
	}
}

/* --- groups ----------------------------------------------------------------------------------- */

static mw_err read_set(const struct mw_conf_reader *reader, const config_setting_t *setting,
		       const char *path, const struct mw_option *option, void *base)
{
	union value value;
	char why[256] = "";

	if (!type_fits(option, setting))
		return mw_conf_fail(reader, setting, path, option->name, "must be %s",
				    type_text[option->type]);
	if (value_of_setting(option, setting, why, sizeof(why), &value) != MW_E_OK ||
	    (option->type != MW_OPT_BOOL && option->type != MW_OPT_STR &&
	     !in_range(option, &value, why, sizeof(why))))
		return mw_conf_fail(reader, setting, path, option->name, "%s", why);
	return store_value(reader, option, &value, base);
}

static mw_err read_default(const struct mw_conf_reader *reader, const config_setting_t *where,
			   const char *path, const struct mw_option *option, void *base)
{
	union value value;
	char why[256] = "";

	if (!option->fallback)
		return mw_conf_fail(reader, where, path, option->name, "is required: %s",
				    option->help);
	if (value_of_text(option, option->fallback, why, sizeof(why), &value) != MW_E_OK)
		return mw_conf_fail(reader, where, path, option->name, "default: %s", why);
	return store_value(reader, option, &value, base);
}

static bool known_key(const struct mw_conf_group *group, const char *key)
{
	for (const struct mw_option *option = group->options; option && option->name; option++)
		if (strcmp(option->name, key) == 0)
			return true;
	for (const char *const *name = group->nested; name && *name; name++)
		if (strcmp(*name, key) == 0)
			return true;
	return false;
}

static mw_err refuse_unknown(const struct mw_conf_reader *reader, const config_setting_t *setting,
			     const struct mw_conf_group *group)
{
	for (int i = 0; i < config_setting_length(setting); i++) {
		const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		const char *key = config_setting_name(member);
		const char *near;

		if (known_key(group, key))
			continue;
		near = mw_conf_nearest(group, key);
		return mw_conf_fail(reader, member, group->path, key, "unknown option%s%s%s",
				    near ? "; did you mean " : "", near ? near : "",
				    near ? "?" : "");
	}
	return MW_E_OK;
}

mw_err mw_conf_read_group(const struct mw_conf_reader *reader, const config_setting_t *setting,
			  const config_setting_t *parent, const struct mw_conf_group *group,
			  void *base)
{
	mw_err err;

	if (setting && !config_setting_is_group(setting))
		return mw_conf_fail(reader, setting, group->path, NULL,
				    "must be a group: { key = value; ... }");
	err = setting ? refuse_unknown(reader, setting, group) : MW_E_OK;
	for (const struct mw_option *option = group->options;
	     err == MW_E_OK && option && option->name; option++) {
		const config_setting_t *member =
		    setting ? config_setting_get_member(setting, option->name) : NULL;

		err = member ? read_set(reader, member, group->path, option, base)
			     : read_default(reader, setting ? setting : parent, group->path, option,
					    base);
	}
	return err;
}

/* --- suggestions ------------------------------------------------------------------------------ */

#define KEY_MAX 31

/* Levenshtein's distance of two short keys; KEY_MAX + 1 for long ones. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[KEY_MAX + 1];

	if (strlen(a) > KEY_MAX || n > KEY_MAX)
		return KEY_MAX + 1;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			unsigned skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = change < skip ? change : skip;
		}
	}
	return row[n];
}

const char *mw_conf_nearest(const struct mw_conf_group *group, const char *key)
{
	const char *best = NULL;
	unsigned least = 3; /* further away is another word */

	for (const struct mw_option *option = group->options; option && option->name; option++)
		if (distance(key, option->name) < least) {
			least = distance(key, option->name);
			best = option->name;
		}
	for (const char *const *name = group->nested; name && *name; name++)
		if (distance(key, *name) < least) {
			least = distance(key, *name);
			best = *name;
		}
	return best;
}
