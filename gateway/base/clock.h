/* clock.h -- the injectable clock.  Core code is handed times; only the app layer asks this. */
#ifndef MW_BASE_CLOCK_H
#define MW_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define MW_NS_PER_S  1000000000LL
#define MW_NS_PER_MS 1000000LL

int64_t mw_clock_now_ns(void);  /* wall clock, ns since the Unix epoch */
int64_t mw_clock_mono_ns(void); /* monotonic, for durations */

/* Seconds that local time is ahead of UTC at that moment. */
int32_t mw_clock_utc_offset_s(int64_t time_ns);

/* "2026-03-04T05:06:07.089Z" into buf (at least 25 bytes); returns buf. */
char *mw_clock_iso(int64_t time_ns, char *buf, size_t size);

#endif
