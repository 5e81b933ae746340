/* event_words.h -- an event's codes as people read them in a terminal (English, as all of the CLI).
 */
#ifndef MW_APP_EVENT_WORDS_H
#define MW_APP_EVENT_WORDS_H

#include "gateway/core/event.h"

#define MW_FAULT_NAME_SIZE 96
#define MW_AS_ON_SIZE      64

const char *mw_event_severity_word(unsigned severity); /* "low", "medium", "high", "-" */
/* "active", "acked", "shelved", "cleared", ... */
const char *mw_event_state_word(const struct mw_event *event);
/* "called a true alarm", ..., "" for none. */
const char *mw_event_feedback_word(enum mw_feedback feedback);
/* What became of an earlier event: ", confirmed", ", a false alarm", ", acknowledged", "". */
const char *mw_event_said_of(const struct mw_similar *similar);
/* The fault as the explanation names it, else its code with spaces; returns buf. */
char *mw_event_fault_name(const struct mw_event *event, char buf[MW_FAULT_NAME_SIZE]);
/* A fault's code with spaces; returns buf. */
char *mw_event_code_name(enum mw_fault fault, char buf[MW_FAULT_NAME_SIZE]);
/* "as on 2026-03-03 14:20:05" of the most similar earlier event, "" when there is none. */
char *mw_event_as_on(const struct mw_event *event, char buf[MW_AS_ON_SIZE]);
/* "850ms", "40 s", "12 min", "3.5 h", "2.1 d"; returns buf. */
char *mw_event_span(int64_t ns, char *buf, size_t size);

#endif
