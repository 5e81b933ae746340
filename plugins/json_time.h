/*
 * json_time.h -- times as numbers of some unit and as ISO 8601 text; a part of the json plugin (a
 * plugin is one translation unit).  Nanoseconds since the Unix epoch, above 0; false: not such a
 * time.
 */
#ifndef MW_PLUGINS_JSON_TIME_H
#define MW_PLUGINS_JSON_TIME_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NS_PER_S 1000000000LL

static const struct {
	const char *name;
	int64_t ns;
} time_units[] = {{"s", NS_PER_S}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};

static int64_t unit_ns(const char *name)
{
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++)
		if (strcmp(name, time_units[i].name) == 0)
			return time_units[i].ns;
	return 0;
}

/* By magnitude: seconds until the year 5138, milliseconds from 1973 on, and so forth. */
static int64_t guessed_ns(double x)
{
	if (x < 1e11)
		return NS_PER_S;
	if (x < 1e14)
		return 1000000;
	return x < 1e17 ? 1000 : 1;
}

static bool time_of_number(double x, int64_t exact, bool is_exact, const char *unit,
			   int64_t *ret_ns)
{
	int64_t ns = strcmp(unit, "auto") == 0 ? guessed_ns(x) : unit_ns(unit);
	double whole = floor(x);

	if (ns == 0 || !(x > 0) || x >= 9.2e18 / (double)ns)
		return false;
	if (is_exact)
		*ret_ns = exact * ns;
	else
		*ret_ns = (int64_t)whole * ns + (int64_t)llround((x - whole) * (double)ns);
	return true;
}

/* Exactly n digits; steps over them. */
static bool digits(const char **at, int n, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++, *at += 1) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool literal(const char **at, const char *any)
{
	if (**at == '\0' || !strchr(any, **at))
		return false;
	*at += 1;
	return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar: whole years since year 0, counted from
 * March so that the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t from_march = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static bool date(const char **at, int64_t *ret_days)
{
	static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, leap;

	if (!digits(at, 4, &year) || !literal(at, "-") || !digits(at, 2, &month) ||
	    !literal(at, "-") || !digits(at, 2, &day))
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
	    day > length[month - 1] + (month == 2 && leap))
		return false;
	*ret_days = days_of(year, month, day);
	return true;
}

/* Seconds of the day; a leap second is taken as the first of the next minute. */
static bool time_of_day(const char **at, int64_t *ret_s)
{
	int hour, minute, second = 0;

	if (!digits(at, 2, &hour) || !literal(at, ":") || !digits(at, 2, &minute) ||
	    (literal(at, ":") && !digits(at, 2, &second)))
		return false;
	*ret_s = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60;
}

static bool fraction(const char **at, int64_t *ret_ns)
{
	int64_t scale = NS_PER_S / 10;

	*ret_ns = 0;
	if (!literal(at, ".,"))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; *at += 1, scale /= 10)
		*ret_ns += (**at - '0') * scale; /* past nanoseconds the scale is 0 */
	return true;
}

/* "Z", "+09:00", "-0530", "+09"; nothing is UTC. */
static bool offset(const char **at, int64_t *ret_s)
{
	int hour, minute = 0, sign = **at == '-' ? -1 : 1;

	*ret_s = 0;
	if (**at == '\0' || literal(at, "Zz"))
		return **at == '\0';
	if (!literal(at, "+-") || !digits(at, 2, &hour))
		return false;
	if (**at != '\0' && ((void)literal(at, ":"), !digits(at, 2, &minute)))
		return false;
	*ret_s = sign * (hour * 3600 + minute * 60);
	return **at == '\0' && hour < 24 && minute < 60;
}

static bool time_of_iso(const char *text, int64_t *ret_ns)
{
	int64_t days, seconds, part, east;

	if (!date(&text, &days) || !literal(&text, "Tt ") || !time_of_day(&text, &seconds) ||
	    !fraction(&text, &part) || !offset(&text, &east))
		return false;
	*ret_ns = (days * 86400 + seconds - east) * NS_PER_S + part;
	return *ret_ns > 0;
}

#endif
