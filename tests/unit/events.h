/* events.h -- a complete event for tests: every field has a value of its own. */
#ifndef MW_TESTS_EVENTS_H
#define MW_TESTS_EVENTS_H

#include "gateway/core/event.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000000LL

static inline void cite(struct mw_event *event, const char *part, const char *reference,
			double value)
{
	const char *at = strstr(event->explanation, part);
	struct mw_citation *citation = &event->citation[event->n_citation++];

	citation->from = (uint16_t)(at - event->explanation);
	citation->to = (uint16_t)((size_t)citation->from + strlen(part));
	(void)snprintf(citation->reference, sizeof(citation->reference), "%s", reference);
	citation->value = value;
}

static inline void name_channel(struct mw_event_channel *channel, const char *name,
				const char *unit, double value, double expected)
{
	(void)snprintf(channel->name, sizeof(channel->name), "%s", name);
	(void)snprintf(channel->unit, sizeof(channel->unit), "%s", unit);
	channel->finding.peak_value = value;
	channel->finding.expected = expected;
	channel->finding.deviation = (value - expected) / 0.05;
	channel->finding.strength = fabs(channel->finding.deviation);
	channel->finding.direction = value > expected ? 1 : -1;
	channel->finding.move = channel->finding.direction;
}

/* What may be said of the two channels, and of the others. */
static inline void claim_event(struct mw_event *event)
{
	event->channel[0].claims = (struct mw_claims){
	    .set = MW_CLAIM(FELL) | MW_CLAIM(SUDDEN) | MW_CLAIM(UNDER_LIMIT) | MW_CLAIM(STRONG),
	    .spread = 0.05,
	    .step = 0.015,
	    .from = 4.105,
	    .now = 3.625,
	    .limit = 3.7};
	event->channel[1].claims = (struct mw_claims){.set = MW_CLAIM(AFTER),
						      .spread = 0.0625,
						      .step = 0.03125,
						      .from = 12.03125,
						      .now = 12.1875,
						      .limit = (double)NAN};
	event->others = (struct mw_other_channels){5, 6.5};
	event->claims = 1u << MW_CLAIM_OTHERS_OFF;
}

static inline void word_event(struct mw_event *event)
{
	if (event->language == MW_LANGUAGE_KO) {
		strcpy(event->explanation, "토출압력이 정상 4.1 bar보다 낮은 3.62 bar입니다. "
					   "캐비테이션이 의심됩니다.");
		strcpy(event->cause, "흡입 필터가 막혔습니다");
		strcpy(event->check, "흡입 밸브를 확인하세요");
		cite(event, "캐비테이션", "fault", NAN);
	} else {
		strcpy(event->explanation,
		       "discharge_pressure fell to 3.62 bar (normal 4.1 bar): cavitation.");
		strcpy(event->cause, "suction strainer clogged");
		strcpy(event->check, "inspect the suction valve");
		cite(event, "cavitation", "fault", NAN);
	}
	cite(event, "3.62 bar", "c1.value", 3.62);
	cite(event, "4.1 bar", "c1.normal", 4.1);
}

/* The event that `asset` raised at raised_ns, as it was raised. */
/* The event looks like an earlier one. */
static inline void resemble(struct mw_event *event, int64_t raised_ns, double similarity)
{
	struct mw_similar *similar = &event->similar.event[event->similar.n++];

	mw_event_id(event->asset, raised_ns, similar->id);
	similar->raised_ns = raised_ns;
	similar->similarity = similarity;
	similar->fault = MW_FAULT_DRY_RUN;
	similar->acknowledged = event->similar.n == 1;
}

/* Two likely causes; every member has a value of its own. */
static inline void blame(struct mw_event *event)
{
	struct mw_event_cause *cause = event->likely;

	event->n_cause = 2;
	strcpy(event->site_fault, "strainer_torn");
	for (size_t i = 0; i < event->n_cause; i++) {
		(void)snprintf(cause[i].channel, MW_NAME_SIZE, "%s", event->channel[i].name);
		cause[i].probability = i == 0 ? 0.625 : 0.25;
		cause[i].fault = i == 0 ? MW_FAULT_UNKNOWN : MW_FAULT_CAVITATION;
		cause[i].why = i == 0 ? MW_WHY_DEVIATES | MW_WHY_SITE : MW_WHY_UPSTREAM;
		(void)snprintf(cause[i].name, MW_NAME_SIZE, "name %zu", i);
		(void)snprintf(cause[i].cause, MW_PHRASE_SIZE, "cause %zu", i);
		(void)snprintf(cause[i].check, MW_PHRASE_SIZE, "check %zu", i);
	}
	strcpy(cause[0].site_fault, "strainer_torn");
	strcpy(cause[0].name, event->language == MW_LANGUAGE_KO ? "캐비테이션" : "cavitation");
	strcpy(cause[1].of, event->channel[0].name);
}

static inline struct mw_event make_event(const char *asset, int64_t raised_ns,
					 enum mw_language language)
{
	struct mw_event event = {
	    .machine = MW_MACHINE_PUMP,
	    .verdict = MW_VERDICT_FAULT,
	    .fault = MW_FAULT_CAVITATION,
	    .severity = 2,
	    .score = 0.97,
	    .p_value = 0.0004,
	    .fault_probability = 0.81,
	    .onset_ns = raised_ns - 40 * SECOND,
	    .raised_ns = raised_ns,
	    .updated_ns = raised_ns,
	    .state = MW_ALARM_UNACK_ACTIVE,
	    .n_channel = 2,
	    .language = language,
	    .form = MW_FORM_WORDS,
	    .window_from_ns = raised_ns - 63 * SECOND,
	    .window_to_ns = raised_ns + SECOND,
	    .period_ns = SECOND,
	};

	(void)snprintf(event.asset, sizeof(event.asset), "%s", asset);
	mw_event_id(asset, raised_ns, event.id);
	name_channel(&event.channel[0], "discharge_pressure", "bar", 3.62, 4.1);
	name_channel(&event.channel[1], "motor_current", "A", 12.25, 12.0);
	event.channel[0].finding.channel = 3;
	event.channel[0].finding.peak_time_ns = raised_ns - 2 * SECOND;
	event.channel[1].finding.peak_time_ns = raised_ns - 3 * SECOND;
	claim_event(&event);
	strcpy(event.model, "millwright-nano 1f2e3d");
	resemble(&event, raised_ns - 86400 * SECOND, 0.9375);
	resemble(&event, raised_ns - 3 * 86400 * SECOND, 0.8125);
	blame(&event);
	word_event(&event);
	return event;
}

static inline void next_transition(struct mw_event *event, enum mw_alarm_state state,
				   int64_t after_ns)
{
	event->sequence++;
	event->state = state;
	event->updated_ns += after_ns;
}

/* 64 rows of the event's two channels: a step down after row 24; row 10 of the second is missing.
 */
static inline struct mw_event_window make_window(const struct mw_event *event)
{
	struct mw_event_window window = {.n_rows = MW_WINDOW_ROWS,
					 .n_channels = event->n_channel,
					 .from_ns = event->window_from_ns,
					 .period_ns = event->period_ns};

	for (size_t i = 0; i < window.n_rows; i++) {
		window.value[2 * i] = i < 24 ? 4.1 + 0.01 * (double)(i % 3) : 3.62;
		window.expected[2 * i] = 4.1;
		window.value[2 * i + 1] = i == 10 ? (double)NAN : 12.0 + 0.001 * (double)i;
		window.expected[2 * i + 1] = 12.0;
	}
	return window;
}

/* One vector of the window: an angle between two of them is that of their turns. */
static inline struct mw_embedding make_embedding(double turn)
{
	struct mw_embedding embedding = {.n = 4, .scale = 1 / 127.0f};

	embedding.value[1] = (int8_t)lround(127 * cos(turn));
	embedding.value[3] = (int8_t)lround(127 * sin(turn));
	return embedding;
}

/* memcmp of two events would compare padding; this compares what they mean. */
static inline bool same_number(double a, double b)
{
	return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-13 * fabs(a);
}

static inline bool same_claims(const struct mw_claims *a, const struct mw_claims *b)
{
	return a->set == b->set && same_number(a->spread, b->spread) &&
	       same_number(a->step, b->step) && same_number(a->from, b->from) &&
	       same_number(a->now, b->now) && same_number(a->limit, b->limit);
}

static inline bool same_channel(const struct mw_event_channel *a, const struct mw_event_channel *b)
{
	const struct mw_channel_finding *f = &a->finding, *g = &b->finding;

	return strcmp(a->name, b->name) == 0 && strcmp(a->unit, b->unit) == 0 &&
	       f->channel == g->channel && same_number(f->peak_value, g->peak_value) &&
	       same_number(f->expected, g->expected) && same_number(f->deviation, g->deviation) &&
	       same_number(f->strength, g->strength) && f->peak_time_ns == g->peak_time_ns &&
	       f->direction == g->direction && f->move == g->move &&
	       same_claims(&a->claims, &b->claims);
}

static inline bool same_words(const struct mw_event *a, const struct mw_event *b)
{
	if (a->n_citation != b->n_citation)
		return false;
	for (size_t i = 0; i < a->n_citation; i++)
		if (a->citation[i].from != b->citation[i].from ||
		    a->citation[i].to != b->citation[i].to ||
		    strcmp(a->citation[i].reference, b->citation[i].reference) != 0 ||
		    !same_number(a->citation[i].value, b->citation[i].value))
			return false;
	return a->language == b->language && a->form == b->form &&
	       strcmp(a->explanation, b->explanation) == 0 && strcmp(a->cause, b->cause) == 0 &&
	       strcmp(a->check, b->check) == 0 && strcmp(a->model, b->model) == 0;
}

static inline bool same_similar(const struct mw_event *a, const struct mw_event *b)
{
	if (a->similar.n != b->similar.n)
		return false;
	for (size_t i = 0; i < a->similar.n; i++) {
		const struct mw_similar *x = &a->similar.event[i], *y = &b->similar.event[i];

		if (strcmp(x->id, y->id) != 0 || x->raised_ns != y->raised_ns ||
		    !same_number(x->similarity, y->similarity) || x->fault != y->fault ||
		    x->acknowledged != y->acknowledged || x->feedback != y->feedback)
			return false;
	}
	return true;
}

static inline bool same_causes(const struct mw_event *a, const struct mw_event *b)
{
	if (a->n_cause != b->n_cause || strcmp(a->site_fault, b->site_fault) != 0)
		return false;
	for (size_t i = 0; i < a->n_cause; i++) {
		const struct mw_event_cause *x = &a->likely[i], *y = &b->likely[i];

		if (strcmp(x->channel, y->channel) != 0 || strcmp(x->of, y->of) != 0 ||
		    !same_number(x->probability, y->probability) || x->why != y->why ||
		    x->fault != y->fault || strcmp(x->site_fault, y->site_fault) != 0 ||
		    strcmp(x->name, y->name) != 0 || strcmp(x->cause, y->cause) != 0 ||
		    strcmp(x->check, y->check) != 0)
			return false;
	}
	return true;
}

static inline bool same_times(const struct mw_event *a, const struct mw_event *b)
{
	return a->onset_ns == b->onset_ns && a->onset_before_window == b->onset_before_window &&
	       a->raised_ns == b->raised_ns && a->updated_ns == b->updated_ns &&
	       a->cleared_ns == b->cleared_ns && a->window_from_ns == b->window_from_ns &&
	       a->window_to_ns == b->window_to_ns && a->period_ns == b->period_ns;
}

static inline bool same_event(const struct mw_event *a, const struct mw_event *b)
{
	if (a->n_channel != b->n_channel)
		return false;
	for (size_t i = 0; i < a->n_channel; i++)
		if (!same_channel(&a->channel[i], &b->channel[i]))
			return false;
	return strcmp(a->id, b->id) == 0 && strcmp(a->asset, b->asset) == 0 &&
	       a->feedback == b->feedback && a->machine == b->machine && a->verdict == b->verdict &&
	       a->fault == b->fault && a->severity == b->severity &&
	       same_number(a->score, b->score) && same_number(a->p_value, b->p_value) &&
	       same_number(a->fault_probability, b->fault_probability) && a->state == b->state &&
	       a->sequence == b->sequence && same_times(a, b) && same_words(a, b) &&
	       same_similar(a, b) && a->claims == b->claims && a->others.n == b->others.n &&
	       same_number(a->others.level, b->others.level) && same_causes(a, b);
}

static inline bool same_window(const struct mw_event_window *a, const struct mw_event_window *b)
{
	if (a->n_rows != b->n_rows || a->n_channels != b->n_channels || a->from_ns != b->from_ns ||
	    a->period_ns != b->period_ns || a->has_spread != b->has_spread)
		return false;
	for (size_t i = 0; i < a->n_rows * a->n_channels; i++)
		if (!same_number(a->value[i], b->value[i]) ||
		    !same_number(a->expected[i], b->expected[i]) ||
		    (a->has_spread && !same_number(a->spread[i], b->spread[i])))
			return false;
	return true;
}

#endif
