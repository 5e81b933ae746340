#include "gateway/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000000000},
    {"h", 3600000000000},
    {"min", 60000000000},
    {"s", 1000000000},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
    {NULL, 0},
};
static const struct unit sizes[] = {
    {"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"GB", 1000000000},
    {"MB", 1000000},   {"kB", 1000},      {"B", 1},          {NULL, 0},
};

static const struct unit *find_unit(const struct unit *units, const char *name)
{
	for (; units->name; units++)
		if (strcmp(units->name, name) == 0)
			return units;
	return NULL;
}

/* Digits, then a unit; the product must not exceed most.  Returns why not, or NULL. */
static const char *parse(const struct unit *units, const char *text, uint64_t most,
			 uint64_t *ret_value)
{
	const struct unit *unit;
	const char *at = text;
	uint64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (number > (most - (uint64_t)(*at - '0')) / 10)
			return "is too large";
		number = number * 10 + (uint64_t)(*at - '0');
	}
	if (at == text)
		return "does not start with a whole number";
	if (*at == '\0')
		return "has no unit";
	while (*at == ' ')
		at++;
	unit = find_unit(units, at);
	if (!unit)
		return "has an unknown unit";
	if (number > most / unit->factor)
		return "is too large";
	*ret_value = number * unit->factor;
	return NULL;
}

mw_err mw_duration_parse(const char *text, char *why, size_t why_size, int64_t *ret_ns)
{
	uint64_t value;
	const char *fault = parse(durations, text, INT64_MAX, &value);

	if (fault)
		return mw_why(MW_E_INVAL, why, why_size,
			      "\"%.40s\" %s; write a duration such as \"500ms\", \"30s\", "
			      "\"5min\", \"1h\" or \"30d\"",
			      text, fault);
	*ret_ns = (int64_t)value;
	return MW_E_OK;
}

mw_err mw_size_parse(const char *text, char *why, size_t why_size, uint64_t *ret_bytes)
{
	uint64_t value;
	const char *fault = parse(sizes, text, INT64_MAX, &value);

	if (fault)
		return mw_why(MW_E_INVAL, why, why_size,
			      "\"%.40s\" %s; write a size such as \"64KiB\", \"256MiB\" or \"1GB\"",
			      text, fault);
	*ret_bytes = value;
	return MW_E_OK;
}

/* Zero is written in the unit that people think in. */
static char *format(const struct unit *units, const char *zero, uint64_t value, char *buf,
		    size_t size)
{
	if (value == 0) {
		(void)snprintf(buf, size, "%s", zero);
		return buf;
	}
	while (value % units->factor != 0)
		units++;
	(void)snprintf(buf, size, "%" PRIu64 "%s", value / units->factor, units->name);
	return buf;
}

char *mw_duration_format(int64_t ns, char *buf, size_t size)
{
	return format(durations, "0s", ns > 0 ? (uint64_t)ns : 0, buf, size);
}

char *mw_size_format(uint64_t bytes, char *buf, size_t size)
{
	return format(sizes, "0B", bytes, buf, size);
}
