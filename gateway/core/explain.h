/*
 * explain.h -- words with references become a sentence with measured numbers.
 *
 * Every number is rendered here from the event's findings; the citation map says which bytes came from
 * which statistic.  English and Korean; Korean particles follow the sound before them.
 */
#ifndef MW_CORE_EXPLAIN_H
#define MW_CORE_EXPLAIN_H

#include "gateway/core/answer.h"
#include "gateway/core/faults.h"

/* Renders the answer's words into event->explanation, citations, cause, check and form = WORDS.
 * The event's channels, onset, times and fault must be filled in.  Falls back to the template when the
 * words are empty, cite what is not there, or do not fit (form says which). */
void mw_explain_words(const struct mw_lm *model, const struct mw_answer *answer,
		      const struct mw_fault_library *library, struct mw_event *event);
/* The wording without a model: fixed sentences, same references (form = TEMPLATE). */
void mw_explain_template(const struct mw_fault_library *library, struct mw_event *event);

/* A number as people write it: four significant digits at most, no exponent between 1e-3 and 1e6,
 * trailing zeros cut; returns buf. */
char *mw_explain_number(double value, char *buf, size_t size);

#endif
