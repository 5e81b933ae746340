/* units.h -- durations and sizes as people write them: "500ms", "5min", "256MiB".  Pure. */
#ifndef MW_BASE_UNITS_H
#define MW_BASE_UNITS_H

#include "gateway/base/err.h"

/* A whole number and a unit: ns us ms s min h d.  MW_E_INVAL and a reason with a hint. */
MW_MUST_CHECK mw_err mw_duration_parse(const char *text, char *why, size_t why_size,
				       int64_t *ret_ns);
/* A whole number and a unit: B KiB MiB GiB (powers of 1024) or kB MB GB (powers of 1000). */
MW_MUST_CHECK mw_err mw_size_parse(const char *text, char *why, size_t why_size,
				   uint64_t *ret_bytes);

/* The shortest exact form ("90s", "1h", "256MiB"); returns buf (24 bytes are enough). */
char *mw_duration_format(int64_t ns, char *buf, size_t size);
char *mw_size_format(uint64_t bytes, char *buf, size_t size);

#endif
