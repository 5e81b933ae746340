#include "gateway/io/when.h"

#include "gateway/base/clock.h"
#include "gateway/base/units.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Seconds and the nanoseconds 0..999999999 after them. */
static time_t split(int64_t time_ns, int64_t *ret_part)
{
	int64_t part = time_ns % MW_NS_PER_S;

	if (part < 0)
		part += MW_NS_PER_S;
	*ret_part = part;
	return (time_t)((time_ns - part) / MW_NS_PER_S);
}

char *mw_when_iso(int64_t time_ns, char *buf, size_t size)
{
	char day[32] = "";
	int64_t part;
	time_t seconds = split(time_ns, &part);
	struct tm tm;

	if (part % MW_NS_PER_MS == 0)
		return mw_clock_iso(time_ns, buf, size);
	if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		(void)snprintf(day, sizeof(day), "invalid-time");
	(void)snprintf(buf, size, "%s.%09dZ", day, (int)part);
	return buf;
}

char *mw_when_local(int64_t time_ns, char *buf, size_t size)
{
	int64_t part;
	time_t seconds = split(time_ns, &part);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(buf, size, "?");
	return buf;
}

/* Exactly n digits, within [low, high]. */
static bool digits(const char **text, int n, int low, int high, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return false;
		value = 10 * value + (**text - '0');
	}
	*ret_value = value;
	return value >= low && value <= high;
}

static bool literal(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool parse_day(const char **text, struct tm *tm)
{
	if (!digits(text, 4, 1970, 2261, &tm->tm_year) || !literal(text, '-') ||
	    !digits(text, 2, 1, 12, &tm->tm_mon) || !literal(text, '-') ||
	    !digits(text, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	tm->tm_isdst = -1;
	return true;
}

static int64_t parse_fraction(const char **text)
{
	int64_t part = 0, unit = MW_NS_PER_S / 10;

	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		part += unit * (**text - '0');
	return part;
}

static bool parse_clock(const char **text, struct tm *tm, int64_t *ret_part)
{
	if (!digits(text, 2, 0, 23, &tm->tm_hour) || !literal(text, ':') ||
	    !digits(text, 2, 0, 59, &tm->tm_min))
		return false;
	if (!literal(text, ':'))
		return true;
	if (!digits(text, 2, 0, 60, &tm->tm_sec))
		return false;
	if (literal(text, '.'))
		*ret_part = parse_fraction(text);
	return true;
}

/* "Z", "+09:00", "-0330"; *ret_local when there is none. */
static bool parse_zone(const char **text, int64_t *ret_offset_s, bool *ret_local)
{
	int hours, minutes, sign = **text == '-' ? -1 : 1;

	if (**text == '\0') {
		*ret_local = true;
		return true;
	}
	if (literal(text, 'Z'))
		return true;
	if (!literal(text, '+') && !literal(text, '-'))
		return false;
	if (!digits(text, 2, 0, 14, &hours))
		return false;
	(void)literal(text, ':');
	if (!digits(text, 2, 0, 59, &minutes))
		return false;
	*ret_offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool parse_absolute(const char *text, int64_t *ret_ns)
{
	struct tm tm = {0};
	int64_t part = 0, offset_s = 0;
	bool local = false;
	time_t seconds;

	if (!parse_day(&text, &tm))
		return false;
	if ((literal(&text, 'T') || literal(&text, ' ')) && !parse_clock(&text, &tm, &part))
		return false;
	if (!parse_zone(&text, &offset_s, &local) || *text != '\0')
		return false;
	seconds = local ? mktime(&tm) : timegm(&tm) - (time_t)offset_s;
	*ret_ns = (int64_t)seconds * MW_NS_PER_S + part;
	return true;
}

mw_err mw_when_parse(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	int64_t ago;

	if (strcmp(text, "now") == 0) {
		*ret_ns = now_ns;
		return MW_E_OK;
	}
	if (text[0] == '-') {
		if (mw_duration_parse(text + 1, NULL, 0, &ago))
			return MW_E_INVAL;
		*ret_ns = now_ns - ago;
		return MW_E_OK;
	}
	return parse_absolute(text, ret_ns) ? MW_E_OK : MW_E_INVAL;
}
