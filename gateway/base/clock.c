#include "gateway/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * MW_NS_PER_S + now.tv_nsec;
}

int64_t mw_clock_now_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t mw_clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int32_t mw_clock_utc_offset_s(int64_t time_ns)
{
	time_t sec = (time_t)(time_ns / MW_NS_PER_S);
	struct tm tm;

	return localtime_r(&sec, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

char *mw_clock_iso(int64_t time_ns, char *buf, size_t size)
{
	int64_t part = time_ns % MW_NS_PER_S;
	time_t sec = (time_t)((time_ns - part) / MW_NS_PER_S);
	struct tm tm;
	char day[32];

	if (part < 0) {
		part += MW_NS_PER_S;
		sec -= 1;
	}
	if (!gmtime_r(&sec, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		(void)snprintf(day, sizeof(day), "invalid-time");
	(void)snprintf(buf, size, "%s.%03dZ", day, (int)(part / MW_NS_PER_MS));
	return buf;
}
