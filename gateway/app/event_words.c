#include "gateway/app/event_words.h"

#include "gateway/io/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mw_event_severity_word(unsigned severity)
{
	static const char *const word[] = {"-", "low", "medium", "high"};

	return word[severity <= 3 ? severity : 0];
}

const char *mw_event_state_word(const struct mw_event *event)
{
	switch (event->state) {
	case MW_ALARM_UNACK_ACTIVE:
		return "active";
	case MW_ALARM_ACK_ACTIVE:
		return "acked";
	case MW_ALARM_SHELVED:
		return "shelved";
	case MW_ALARM_OUT_OF_SERVICE:
		return "out of service";
	case MW_ALARM_UNACK_RETURNED: /* it is over; nobody said that they saw it */
	case MW_ALARM_NORMAL:
		break;
	}
	return "cleared";
}

const char *mw_event_feedback_word(enum mw_feedback feedback)
{
	static const char *const word[] = {"", "called a true alarm", "called a false alarm",
					   "not sure whether it was one"};

	return word[feedback <= MW_FEEDBACK_UNSURE ? feedback : MW_FEEDBACK_NONE];
}

const char *mw_event_said_of(const struct mw_similar *similar)
{
	if (similar->feedback == MW_FEEDBACK_TRUE)
		return ", confirmed";
	if (similar->feedback == MW_FEEDBACK_FALSE)
		return ", a false alarm";
	return similar->acknowledged ? ", acknowledged" : "";
}

static const struct mw_citation *find_fault(const struct mw_event *event)
{
	size_t length = strlen(event->explanation);

	for (size_t i = 0; i < event->n_citation; i++) {
		const struct mw_citation *c = &event->citation[i];

		if (strcmp(c->reference, "fault") == 0 && c->from < c->to && c->to <= length)
			return c;
	}
	return NULL;
}

char *mw_event_code_name(enum mw_fault fault, char buf[MW_FAULT_NAME_SIZE])
{
	(void)snprintf(buf, MW_FAULT_NAME_SIZE, "%s", mw_fault_code(fault));
	for (char *p = buf; *p; p++)
		if (*p == '_')
			*p = ' ';
	return buf;
}

char *mw_event_fault_name(const struct mw_event *event, char buf[MW_FAULT_NAME_SIZE])
{
	const struct mw_citation *cited = find_fault(event);

	if (cited && cited->to - cited->from < MW_FAULT_NAME_SIZE) {
		(void)snprintf(buf, MW_FAULT_NAME_SIZE, "%.*s", cited->to - cited->from,
			       event->explanation + cited->from);
		return buf;
	}
	return mw_event_code_name(event->fault, buf);
}

char *mw_event_as_on(const struct mw_event *event, char buf[MW_AS_ON_SIZE])
{
	char local[MW_WHEN_SIZE];

	buf[0] = '\0';
	if (event->similar.n > 0)
		(void)snprintf(
		    buf, MW_AS_ON_SIZE, "as on %s%s",
		    mw_when_local(event->similar.event[0].raised_ns, local, sizeof(local)),
		    mw_event_said_of(&event->similar.event[0]));
	return buf;
}

char *mw_event_span(int64_t ns, char *buf, size_t size)
{
	double seconds = (double)(ns < 0 ? -ns : ns) / 1e9;

	if (seconds < 1)
		(void)snprintf(buf, size, "%.0f ms", seconds * 1e3);
	else if (seconds < 120)
		(void)snprintf(buf, size, "%.0f s", seconds);
	else if (seconds < 120 * 60)
		(void)snprintf(buf, size, "%.0f min", seconds / 60);
	else if (seconds < 48 * 3600)
		(void)snprintf(buf, size, "%.1f h", seconds / 3600);
	else
		(void)snprintf(buf, size, "%.1f d", seconds / 86400);
	return buf;
}
