/*
 * why.h -- how the engine says what is wrong: one sentence in the caller's buffer.
 */
#ifndef MW_LM_WHY_H
#define MW_LM_WHY_H

#include "model/engine/millwright_lm.h"

struct lm_why {
	char *text; /* may be NULL */
	size_t size;
};

/* Writes the sentence and returns err, so that callers can say `return lm_why(why, err, ...)`. */
mw_lm_err lm_why(const struct lm_why *why, mw_lm_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
