/* when.h -- points in time as people and JSON write them. */
#ifndef MW_IO_WHEN_H
#define MW_IO_WHEN_H

#include "gateway/base/err.h"

#define MW_WHEN_SIZE 40

/* Nanoseconds since the Unix epoch from one of
 *     2026-03-04T05:06:07.089Z   ISO 8601; "T" may be a space; Z, +hh:mm or nothing (local time)
 *     2026-03-04                 that day's beginning
 *     -24h  -90min  now          before now_ns
 * Seconds and their fraction may be left out.  MW_E_INVAL: none of these. */
MW_MUST_CHECK mw_err mw_when_parse(const char *text, int64_t now_ns, int64_t *ret_ns);

/* ISO 8601 in UTC with as many digits as the time needs: milliseconds, or all nine; returns buf. */
char *mw_when_iso(int64_t time_ns, char *buf, size_t size);

/* Local time for tables: "2026-03-04 05:06:07"; returns buf. */
char *mw_when_local(int64_t time_ns, char *buf, size_t size);

#endif
