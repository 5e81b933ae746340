/*
 * log.h -- the daemon's log: one line per fact, on stderr, in logfmt, for journald to keep.
 *
 *     level=warn msg=payload.malformed topic="factory/p1" n=3 "what happened, for people"
 *
 * Only borders and the pipeline log; gateway/core never does.  `msgid` is a stable dotted id that
 * operators may match on.  Thread safe: a line is one write(2).
 */
#ifndef MW_BASE_LOG_H
#define MW_BASE_LOG_H

#include "gateway/base/err.h"

#include <stdint.h>

enum mw_log_level { MW_LOG_ERROR = 0, MW_LOG_WARN, MW_LOG_INFO, MW_LOG_DEBUG };

/* Lines above this level are dropped.  Default MW_LOG_INFO. */
void mw_log_set_level(enum mw_log_level level);
enum mw_log_level mw_log_level_now(void);

void mw_log(enum mw_log_level level, const char *msgid, const char *fmt, ...) MW_PRINTF(3, 4);

/* True at most once per interval for one limiter, so that a flood logs one line and a count.
 * *ret_suppressed receives how many calls were refused since the last true.  Zero-initialise. */
struct mw_log_limit {
	int64_t last_ns;
	uint64_t suppressed;
};
bool mw_log_allow(struct mw_log_limit *limit, int64_t now_ns, int64_t interval_ns,
		  uint64_t *ret_suppressed);

#endif
