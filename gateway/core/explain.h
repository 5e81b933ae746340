/*
 * explain.h -- words with references become a sentence with measured numbers.
 *
 * Every number is rendered here from the event's findings; the citation map says which bytes came
 * from which statistic.  English and Korean; Korean particles follow the sound before them.
 */
#ifndef MW_CORE_EXPLAIN_H
#define MW_CORE_EXPLAIN_H

#include "gateway/core/answer.h"
#include "gateway/core/event.h"
#include "gateway/core/faults.h"

/* Where and for whom. */
struct mw_explain_opts {
	int32_t utc_offset_s;      /* local time = UTC + this, at the time of the event */
	const char *cause, *check; /* of the machine's profile; NULL = the fault library's first */
	const char *fault;         /* name, of the site's own; NULL = the fault library's */
};

/* Renders words ("reads", "{c1.value}", "+."), whoever wrote them, into event->explanation,
 * citations, cause, check and form = WORDS.  The event's channels, onset, times and fault must be
 * filled in.  When the words are empty, cite what is not there, stop amid a sentence or do not fit,
 * fixed sentences say what the answer says (form = SHORT). */
void mw_explain_texts(const char *const *word, size_t n, const struct mw_fault_library *library,
		      const struct mw_explain_opts *opts, struct mw_event *event);
/* The wording without a model: fixed sentences, same references (form = TEMPLATE). */
void mw_explain_template(const struct mw_fault_library *library, const struct mw_explain_opts *opts,
			 struct mw_event *event);

/* A number as people write it: four significant digits at most, no exponent between 1e-3 and 1e6,
 * trailing zeros cut; returns buf.  In a text, a value and what is normal for it get more digits
 * when four would make them look alike (1013.2 and 1013.6). */
char *mw_explain_number(double value, char *buf, size_t size);

#endif
