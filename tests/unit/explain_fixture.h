/* explain_fixture.h -- an event with two channels and a fault library of one text, for explain
 * tests. */
#ifndef MW_TESTS_EXPLAIN_FIXTURE_H
#define MW_TESTS_EXPLAIN_FIXTURE_H

#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"
#include "gateway/core/render.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* 2026-03-03T05:05:09Z */
#define ONSET (1772514309LL * MW_NS_PER_S)

static const struct mw_explain_opts seoul = {.utc_offset_s = 9 * 3600};

static const char *const fault_name[2] = {"bearing wear", "베어링 마모"};
static const char *const cause_text[2] = {"a worn cage", "케이지 마모"};
static const char *const check_text[2] = {"the grease", "그리스 상태"};

static inline struct mw_fault_library *make_library(void)
{
	struct mw_fault_library *library = calloc(1, sizeof(*library));

	for (int f = 0; f < MW_N_FAULT; f++)
		for (int l = 0; l < 2; l++) {
			library->fault[f][l].name = strdup(fault_name[l]);
			library->fault[f][l].cause[0] = strdup(cause_text[l]);
			library->fault[f][l].check[0] = strdup(check_text[l]);
		}
	return library;
}

static inline void add_channel(struct mw_event *event, const char *name, const char *unit,
			       struct mw_channel_finding finding)
{
	struct mw_event_channel *channel = &event->channel[event->n_channel++];

	(void)snprintf(channel->name, sizeof(channel->name), "%s", name);
	(void)snprintf(channel->unit, sizeof(channel->unit), "%s", unit);
	channel->finding = finding;
}

static inline void claim(struct mw_claims *claims, enum mw_claim which, double value)
{
	claims->set |= 1u << which;
	claims->value[which] = value;
}

/* The first channel crept over its limit, the second fell after it; the others did nothing. */
static inline void add_claims(struct mw_event *event)
{
	struct mw_claims *first = &event->channel[0].claims, *second = &event->channel[1].claims;

	*first = (struct mw_claims){.from = 2.41, .now = 6.874, .limit = 7.1, .left = 20};
	claim(first, MW_CLAIM_ROSE, 3.9);
	claim(first, MW_CLAIM_ABOVE, 4.23);
	claim(first, MW_CLAIM_GRADUAL, 0.93);
	claim(first, MW_CLAIM_OVER_LIMIT, 7.1234);
	*second = (struct mw_claims){.from = 101.2, .now = 98.4, .limit = (double)NAN, .left = 29};
	claim(second, MW_CLAIM_FELL, -9.4);
	claim(second, MW_CLAIM_AFTER, 9);
	event->others = (struct mw_other_channels){3, 1.25};
	event->claims = 1u << MW_CLAIM_OTHERS_STEADY;
}

static inline struct mw_event make_event(enum mw_language language)
{
	struct mw_event event;

	memset(&event, 0, sizeof(event));
	event.language = language;
	event.verdict = MW_VERDICT_FAULT;
	event.fault = MW_FAULT_BEARING_WEAR;
	event.onset_ns = ONSET;
	event.updated_ns = ONSET + 720 * MW_NS_PER_S;
	add_channel(&event, "vib_de", "mm/s",
		    (struct mw_channel_finding){.peak_value = 7.1234,
						.expected = 2.3,
						.deviation = 4.23,
						.direction = 1,
						.move = 1});
	add_channel(&event, "압력", "kPa",
		    (struct mw_channel_finding){.peak_value = 98,
						.expected = 101.5,
						.deviation = -12.6,
						.direction = -1,
						.move = -1});
	add_claims(&event);
	return event;
}

/* Renders words apart by spaces. */
static inline void explain(const char *words, const struct mw_explain_opts *opts,
			   struct mw_event *event)
{
	struct mw_fault_library *library = make_library();
	char copy[4096], *save = NULL;
	const char *word[200];
	size_t n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	mw_explain_texts(word, n, library, opts, event);
	mw_fault_library_free(library);
}

static inline void check_form(const struct mw_event *event)
{
	size_t n = strlen(event->explanation);

	ck_assert_uint_gt(n, 0);
	ck_assert_uint_lt(n, MW_TEXT_SIZE);
	ck_assert_msg(mw_utf8_is_clean(event->explanation, n), "%s", event->explanation);
	ck_assert_msg(!strstr(event->explanation, "  "), "%s", event->explanation);
	ck_assert_msg(!strpbrk(event->explanation, "{}"), "%s", event->explanation);
	ck_assert_msg(!strstr(event->explanation, " ."), "%s", event->explanation);
	ck_assert(event->explanation[n - 1] == '.');
	for (size_t i = 0; i < event->n_citation; i++) {
		ck_assert_uint_lt(event->citation[i].from, event->citation[i].to);
		ck_assert_uint_le(event->citation[i].to, n);
		ck_assert(i == 0 || event->citation[i].from >= event->citation[i - 1].to);
	}
}

#endif
