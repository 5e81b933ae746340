/*
 * err.h -- error codes and how they travel.
 *
 * Every fallible function returns mw_err (0 = MW_E_OK), must be checked, and leaves its ret_
 * outputs untouched on failure.  Text for people is made only at the borders, in a buffer of the
 * caller: such functions take (char *why, size_t why_size) and write one sentence without a
 * trailing dot.
 */
#ifndef MW_BASE_ERR_H
#define MW_BASE_ERR_H

#include "plugins/mw_plugin.h" /* mw_err and MW_ERR_MAP: one list for host and plugins */

#define MW_MUST_CHECK        __attribute__((warn_unused_result))
#define MW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The text of a code; never NULL.  Static storage. */
const char *mw_err_text(mw_err err);

/* Writes a formatted reason into why (may be NULL) and returns err, so that callers can say
 * `return mw_why(MW_E_CONFIG, why, why_size, "%s:%d: ...", file, line);` */
mw_err mw_why(mw_err err, char *why, size_t why_size, const char *fmt, ...) MW_PRINTF(4, 5);

#endif
