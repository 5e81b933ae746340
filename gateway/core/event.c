#include "gateway/core/event.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

static const char *const alarm_state_text[] = {
    "normal",  "unacknowledged-active", "acknowledged-active", "unacknowledged-returned",
    "shelved", "out-of-service",
};
static const char *const transition_text[] = {
    "raised", "updated", "acked", "cleared", "shelved", "unshelved",
};
static const char *const form_text[] = {"words", "short", "template"};
static const char *const verdict_text[] = {"normal", "operation", "fault", "unknown"};
static const char *const language_text[] = {"en", "ko"};
static const char *const feedback_text[] = {"none", "true", "false", "unsure"};

static const char *text_of(const char *const *table, size_t n, unsigned value)
{
	return value < n ? table[value] : "unknown";
}

static int find_text(const char *const *table, size_t n, const char *text)
{
	for (size_t i = 0; text && i < n; i++)
		if (strcmp(table[i], text) == 0)
			return (int)i;
	return -1;
}

const char *mw_alarm_state_text(enum mw_alarm_state state)
{
	return text_of(alarm_state_text, LENGTH(alarm_state_text), state);
}

const char *mw_transition_text(enum mw_transition transition)
{
	return text_of(transition_text, LENGTH(transition_text), transition);
}

const char *mw_text_form_text(enum mw_text_form form)
{
	return text_of(form_text, LENGTH(form_text), form);
}

const char *mw_verdict_text(enum mw_verdict verdict)
{
	return text_of(verdict_text, LENGTH(verdict_text), verdict);
}

const char *mw_language_text(enum mw_language language)
{
	return text_of(language_text, LENGTH(language_text), language);
}

const char *mw_feedback_text(enum mw_feedback feedback)
{
	return text_of(feedback_text, LENGTH(feedback_text), feedback);
}

int mw_feedback_from_text(const char *text)
{
	return find_text(feedback_text, LENGTH(feedback_text), text);
}

int mw_alarm_state_from_text(const char *text)
{
	return find_text(alarm_state_text, LENGTH(alarm_state_text), text);
}

int mw_transition_from_text(const char *text)
{
	return find_text(transition_text, LENGTH(transition_text), text);
}

int mw_text_form_from_text(const char *text)
{
	return find_text(form_text, LENGTH(form_text), text);
}

int mw_verdict_from_text(const char *text)
{
	return find_text(verdict_text, LENGTH(verdict_text), text);
}

int mw_language_from_text(const char *text)
{
	return find_text(language_text, LENGTH(language_text), text);
}

unsigned mw_event_severity_opcua(unsigned severity, double score)
{
	static const unsigned low[] = {1, 334, 667}, high[] = {333, 666, 1000};
	unsigned band = severity < 1 ? 0 : severity > 3 ? 2 : severity - 1;
	double share = score >= 0 ? fmin(score, 1) : 0; /* NaN: the low end */

	return low[band] + (unsigned)lround(share * (high[band] - low[band]));
}

static uint64_t fnv1a(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void mw_event_id(const char *asset, int64_t raised_ns, char ret_id[MW_EVENT_ID_SIZE])
{
	uint64_t hash = fnv1a(UINT64_C(0xcbf29ce484222325), asset, strlen(asset) + 1);
	unsigned char time[8];

	for (unsigned i = 0; i < sizeof(time); i++)
		time[i] = (unsigned char)((uint64_t)raised_ns >> (8 * i));
	hash = fnv1a(hash, time, sizeof(time));
	(void)snprintf(ret_id, MW_EVENT_ID_SIZE, "ev-%016" PRIx64, hash);
}

static const char *const why_text[] = {"deviates",      "upstream",   "first_out",
				       "not_following", "weak_point", "site"};

const char *mw_why_cause_text(unsigned bit)
{
	for (size_t i = 0; i < sizeof(why_text) / sizeof(why_text[0]); i++)
		if (bit == 1u << i)
			return why_text[i];
	return NULL;
}

unsigned mw_why_cause_from_text(const char *text)
{
	for (size_t i = 0; i < sizeof(why_text) / sizeof(why_text[0]); i++)
		if (strcmp(text, why_text[i]) == 0)
			return 1u << i;
	return 0;
}

char *mw_event_judge(const struct mw_event *event, char buf[MW_EVENT_MODEL_SIZE])
{
	const char *teller = strstr(event->model, MW_EVENT_TELLER);
	size_t n = teller ? (size_t)(teller - event->model) : strlen(event->model);

	n = n < MW_EVENT_JUDGE_SIZE ? n : MW_EVENT_JUDGE_SIZE;
	memcpy(buf, event->model, n);
	buf[n] = '\0';
	return buf;
}
