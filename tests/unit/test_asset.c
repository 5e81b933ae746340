#include "gateway/core/asset.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PERIOD   1000000000LL
#define START    (1000 * PERIOD)
#define LEARN    200
#define BREAK_AT 300
#define END_AT   420
#define ROWS     600

static const struct mw_fault_library library;
static const struct mw_explain_opts explain_opts;

static const struct mw_asset_opts opts = {
    .name = "press-1",
    .machine = MW_MACHINE_HYDRAULIC,
    .assembler = {.period_ns = PERIOD},
    .learn_rows = LEARN,
    .alarm = {.p_raise = 0.002, .on_windows = 2, .off_windows = 4},
    .model = "test"};

static const struct mw_asset_opts *used = &opts;

static double noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (double)(*state >> 8) / 8388608.0 - 1.0;
}

/* Row t of the machine: two coupled channels; between BREAK_AT and END_AT the second one is off. */
static void feed_row(struct mw_asset *asset, size_t t, uint32_t *state)
{
	double load = 10 + 2 * sin((double)t / 20) + 0.3 * noise(state);
	double pressure = 3 * load + 0.3 * noise(state);
	int64_t time_ns = START + (int64_t)t * PERIOD;

	if (t >= BREAK_AT && t < END_AT)
		pressure += 25;
	ck_assert_int_eq(
	    mw_asset_push(asset, (struct mw_str){"load", 4}, time_ns, load, 0, time_ns),
	    MW_FATE_TAKEN);
	ck_assert_int_eq(
	    mw_asset_push(asset, (struct mw_str){"pressure", 8}, time_ns, pressure, 0, time_ns),
	    MW_FATE_TAKEN);
}

/* A model that believes in no fault: the guard alone must raise what is gross. */
static const struct mw_reading calm = {.n_rows = 3,
				       .patch_logit = {[2] = {[MW_WINDOW_PATCHES - 1] = 0.1f}},
				       .verdict_probability = {0.9f, 0, 0.1f, 0}};

static const struct mw_reading no_model;

/* What reads the windows, and what it says of one that is raised. */
static const struct mw_reading *reader = &calm;
static const struct mw_answer *said;

struct seen {
	int learnt, raised, cleared, windows;
	struct mw_event event;
	struct mw_event_window window;
	char trace[65536];
	size_t traced;
};

/* Without a model's words. */
static void tell(struct mw_asset *asset, const struct mw_outcome *outcome,
		 struct mw_event_window *ret_window)
{
	struct mw_explain_opts own;

	ck_assert(mw_asset_describe(asset, outcome, said, ret_window));
	own = mw_asset_explain_opts(asset, &explain_opts);
	mw_asset_explain(asset, &library, &own, NULL);
}

static void take(struct mw_asset *asset, struct seen *seen)
{
	struct mw_outcome outcome;

	mw_asset_take(asset, reader, &outcome);
	seen->windows++;
	seen->learnt += outcome.learnt;
	seen->raised += outcome.action == MW_ALARM_RAISE;
	seen->cleared += outcome.action == MW_ALARM_CLEAR;
	if (outcome.action == MW_ALARM_RAISE || outcome.action == MW_ALARM_UPDATE) {
		tell(asset, &outcome, &seen->window);
		seen->event = *mw_asset_event(asset);
	}
	if (outcome.phase == MW_PHASE_WATCHING)
		seen->traced += (size_t)snprintf(
		    seen->trace + seen->traced, sizeof(seen->trace) - seen->traced, "%lld %a %d\n",
		    (long long)outcome.window_end_ns, outcome.judgement.score, outcome.action);
}

static struct mw_asset *repack(struct mw_asset *asset)
{
	struct mw_asset *again = NULL;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_asset_pack(asset, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_asset_unpack(&opts, data, size, &again), MW_E_OK);
	free(data);
	mw_asset_free(asset);
	return again;
}

static size_t leave_at = ROWS; /* row before which `run` ends */

/* Runs the machine; at row `stop_at` the asset goes through the store (0 = never). */
static struct mw_asset *run(size_t stop_at, struct seen *seen)
{
	static struct mw_prompt prompt;
	struct mw_asset *asset;
	uint32_t state = 3;

	memset(seen, 0, sizeof(*seen));
	ck_assert_int_eq(mw_asset_new(used, &asset), MW_E_OK);
	for (size_t t = 0; t < ROWS && t != leave_at; t++) {
		feed_row(asset, t, &state);
		while (mw_asset_next(asset, &prompt))
			take(asset, seen);
		if (t + 1 == stop_at)
			asset = repack(asset);
	}
	return asset;
}

static struct seen whole, parts;

START_TEST(a_gross_fault_is_raised_explained_and_cleared)
{
	struct mw_asset *asset = run(0, &whole);
	const struct mw_event *event = &whole.event;

	ck_assert_int_eq(mw_asset_phase(asset), MW_PHASE_WATCHING);
	ck_assert_int_eq(whole.learnt, 1);
	ck_assert_int_eq(whole.raised, 1);
	ck_assert_int_eq(whole.cleared, 1);
	ck_assert_str_eq(event->channel[0].name, "pressure");
	ck_assert_int_ge(event->raised_ns, START + BREAK_AT * PERIOD);
	ck_assert_int_le(event->raised_ns, START + (BREAK_AT + 40) * PERIOD);
	ck_assert_msg(llabs(event->onset_ns - (START + BREAK_AT * PERIOD)) <= 8 * PERIOD,
		      "onset %lld", (long long)event->onset_ns);
	ck_assert(event->channel[0].finding.deviation > 3);
	ck_assert(strstr(event->explanation, "pressure"));
	ck_assert_int_eq(event->form, MW_FORM_TEMPLATE);
	ck_assert_uint_eq(whole.window.n_rows, MW_WINDOW_ROWS);
	mw_asset_free(asset);
}
END_TEST

START_TEST(what_may_be_said_of_the_channels_is_in_the_event)
{
	const struct mw_claims *claims = &whole.event.channel[0].claims;
	const uint32_t wanted = MW_CLAIM(ABOVE) | MW_CLAIM(ROSE) | MW_CLAIM(SUDDEN);
	const uint32_t not_so = MW_CLAIM(BELOW) | MW_CLAIM(FELL) | MW_CLAIM(GRADUAL) |
				MW_CLAIM(LOST) | MW_CLAIM(OVER_LIMIT);

	mw_asset_free(run(0, &whole));
	ck_assert_uint_eq(whole.event.n_channel, 1);
	ck_assert_uint_eq(claims->set & wanted, wanted);
	ck_assert_uint_eq(claims->set & not_so, 0);
	ck_assert(claims->spread > 0 && claims->step > 0);
	ck_assert_double_eq_tol(claims->now - claims->from, 25, 4); /* the load goes on */
	ck_assert(isnan(claims->limit));
	ck_assert_uint_eq(whole.event.others.n, 1); /* the load */
	/* It is where it was; that its tie to the pressure is gone is not its own doing. */
	ck_assert_double_lt(whole.event.others.level, 4);
	ck_assert_uint_eq(whole.event.claims, 1u << MW_CLAIM_OTHERS_STEADY);
}
END_TEST

START_TEST(a_limit_of_the_profile_is_passed)
{
	struct mw_profile_channel channel = {
	    .name = "pressure", .low = NAN, .high = NAN, .alarm_low = 1, .alarm_high = 48};
	struct mw_profile profile = {.n_channel = 1, .channel = &channel};
	struct mw_asset_opts with = opts;

	with.profile = &profile;
	used = &with;
	mw_asset_free(run(0, &whole));
	ck_assert(whole.event.channel[0].claims.set & MW_CLAIM(OVER_LIMIT));
	ck_assert_double_eq(whole.event.channel[0].claims.limit, 48);
	channel.high = 45; /* the tighter one is said */
	mw_asset_free(run(0, &whole));
	used = &opts;
	ck_assert_double_eq(whole.event.channel[0].claims.limit, 45);
}
END_TEST

/* Of the first channel, by the window's own rows. */
static double largest_since(const struct mw_event *event, const struct mw_event_window *window)
{
	double most = 0;

	for (size_t row = 0; row < window->n_rows; row++) {
		size_t at = row * window->n_channels;

		if (window->from_ns + (int64_t)row * window->period_ns >= event->onset_ns)
			most = fmax(most, fabs(window->value[at] - window->expected[at]) /
					      window->spread[at]);
	}
	return most;
}

START_TEST(what_is_told_of_an_update_is_told_since_the_events_onset)
{
	static const struct mw_answer first = {
	    .severity = 1, .onset_patch = 12, .n_channel = 1, .channel_row = {2}};
	static const struct mw_answer late = {
	    .severity = 1, .onset_patch = 15, .n_channel = 1, .channel_row = {2}};
	const struct mw_outcome raise = {.action = MW_ALARM_RAISE, .channel = -1};
	const struct mw_outcome update = {.action = MW_ALARM_UPDATE, .channel = -1};
	struct mw_event_window window;
	const struct mw_event *event;
	struct mw_asset *asset;
	int64_t onset_ns;

	leave_at = BREAK_AT + 40;
	asset = run(0, &whole);
	leave_at = ROWS;
	event = mw_asset_event(asset);
	ck_assert(mw_asset_describe(asset, &raise, &first, &window));
	onset_ns = event->onset_ns;
	ck_assert(mw_asset_describe(asset, &update, &late, &window));
	ck_assert_int_eq(event->onset_ns, onset_ns);
	ck_assert_int_eq(onset_ns - window.from_ns, (int64_t)48 * PERIOD);
	ck_assert_uint_eq(event->n_channel, 1);
	ck_assert_double_eq_tol(fabs(event->channel[0].finding.deviation),
				largest_since(event, &window), 1e-9);
	mw_asset_free(asset);
}
END_TEST

#define BEFORE (-99) /* the window */

/* Rows after the break at which the event says to have begun, when the model says that it was before. */
static int64_t begun_at(size_t leave)
{
	static const struct mw_answer before = {.severity = 1, .onset_patch = -1};
	const struct mw_outcome raise = {.action = MW_ALARM_RAISE, .channel = 1};
	struct mw_event_window window;
	struct mw_asset *asset;
	int64_t rows;

	leave_at = leave;
	asset = run(0, &whole);
	leave_at = ROWS;
	ck_assert(mw_asset_describe(asset, &raise, &before, &window));
	rows = (mw_asset_event(asset)->onset_ns - START) / PERIOD - BREAK_AT;
	if (mw_asset_event(asset)->onset_before_window) {
		ck_assert_int_eq(mw_asset_event(asset)->onset_ns, window.from_ns);
		rows = BEFORE;
	}
	mw_asset_free(asset);
	return rows;
}

START_TEST(a_window_that_begins_normal_shows_its_onset)
{
	ck_assert_int_eq(begun_at(BREAK_AT + 110), BEFORE);
	ck_assert_int_le(llabs(begun_at(BREAK_AT + 40)), 4); /* 24 normal rows */
	ck_assert_int_eq(begun_at(BREAK_AT + 56), BEFORE);   /* 8 of them are too few to tell */
}
END_TEST

START_TEST(an_onset_is_not_told_where_the_channel_is_off_already)
{
	static const struct mw_answer late = {.severity = 1, .onset_patch = 13};
	const struct mw_outcome raise = {.action = MW_ALARM_RAISE, .channel = 1};
	struct mw_event_window window;
	struct mw_asset *asset;
	int64_t onset_row;

	leave_at = BREAK_AT + 40;
	asset = run(0, &whole);
	leave_at = ROWS;
	ck_assert(mw_asset_describe(asset, &raise, &late, &window));
	onset_row = (mw_asset_event(asset)->onset_ns - START) / PERIOD;
	ck_assert_int_le(llabs(onset_row - BREAK_AT), 4);
	ck_assert(!mw_asset_event(asset)->onset_before_window);
	mw_asset_free(asset);
}
END_TEST

START_TEST(an_answer_is_retold_as_the_event_came_to_say_it)
{
	static const struct mw_answer given = {.verdict = MW_VERDICT_FAULT,
					       .fault = MW_FAULT_LEAK,
					       .fault_probability = 0.1,
					       .severity = 1,
					       .onset_patch = 15};
	struct mw_answer told = given, both = given;
	struct mw_asset *asset;

	said = &given;
	asset = run(0, &whole);
	said = NULL;
	mw_asset_retell(asset, &told);
	ck_assert_int_eq(told.verdict, MW_VERDICT_UNKNOWN);
	ck_assert_int_eq(told.fault, MW_FAULT_UNKNOWN);
	ck_assert_uint_eq(told.severity, mw_asset_event(asset)->severity);
	ck_assert_uint_gt(told.severity, 1);
	ck_assert_uint_eq(told.n_channel, 1); /* named by the outcome */
	ck_assert_uint_eq(told.channel_row[0], 2);
	ck_assert_int_eq(told.onset_patch, 15);
	mw_asset_free(asset);
	both.n_channel = 2;
	both.channel_row[0] = 1;
	both.channel_row[1] = 2;
	said = &both;
	asset = run(0, &whole);
	said = NULL;
	mw_asset_retell(asset, &told);
	ck_assert_uint_eq(told.n_channel, 1); /* the load is where it was: it is not named */
	ck_assert_uint_eq(told.channel_row[0], 2);
	ck_assert_uint_eq(mw_asset_event(asset)->others.n, 1);
	ck_assert_uint_eq(mw_asset_event(asset)->claims, 1u << MW_CLAIM_OTHERS_STEADY);
	mw_asset_free(asset);
}
END_TEST

START_TEST(the_models_words_are_used_where_they_can_be_shown)
{
	struct mw_words words = {
	    .n = 5, .text = {"{c1.name}", "{c1.rose|jumped}", "from", "{c1.from}", "+."}};
	struct mw_asset *asset = run(0, &whole);
	const struct mw_event *event = mw_asset_event(asset);

	mw_asset_explain(asset, &library, &explain_opts, &words);
	ck_assert_int_eq(event->form, MW_FORM_WORDS);
	ck_assert_ptr_nonnull(strstr(event->explanation, "pressure jumped from "));
	ck_assert_uint_eq(event->n_citation, 3);
	ck_assert_str_eq(event->citation[1].reference, "c1.rose");
	ck_assert_double_eq(event->citation[1].value,
			    event->channel[0].claims.value[MW_CLAIM_ROSE]);
	words.text[1] = "{c1.fell|fell}"; /* it did not */
	mw_asset_explain(asset, &library, &explain_opts, &words);
	ck_assert_int_eq(event->form, MW_FORM_SHORT);
	words.n = 0;
	mw_asset_explain(asset, &library, &explain_opts, &words);
	ck_assert_int_eq(event->form, MW_FORM_SHORT);
	mw_asset_explain(asset, &library, &explain_opts, NULL);
	ck_assert_int_eq(event->form, MW_FORM_TEMPLATE);
	mw_asset_free(asset);
}
END_TEST

START_TEST(a_name_that_the_model_doubts_is_not_said)
{
	static const struct mw_answer doubted = {.verdict = MW_VERDICT_FAULT,
						 .fault = MW_FAULT_LEAK,
						 .fault_probability = 0.1,
						 .severity = 2,
						 .onset_patch = 3};

	said = &doubted;
	mw_asset_free(run(0, &whole));
	said = NULL;
	ck_assert_int_eq(whole.raised, 1);
	ck_assert_int_eq(whole.event.verdict, MW_VERDICT_UNKNOWN);
	ck_assert_int_eq(whole.event.fault, MW_FAULT_UNKNOWN);
	ck_assert_double_eq(whole.event.fault_probability, 0);
	ck_assert_ptr_nonnull(strstr(whole.event.explanation, "fits no known fault"));
}
END_TEST

START_TEST(a_restored_asset_continues_bit_for_bit)
{
	static const size_t stops[] = {1,         37,  LEARN - 1, LEARN, LEARN + 1,
				       LEARN + 3, 299, 310,       431};

	mw_asset_free(run(0, &whole));
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		mw_asset_free(run(stops[i], &parts));
		ck_assert_msg(strcmp(parts.trace, whole.trace) == 0, "stopped at %zu", stops[i]);
		ck_assert_str_eq(parts.event.id, whole.event.id);
		ck_assert_str_eq(parts.event.explanation, whole.event.explanation);
	}
}
END_TEST

START_TEST(an_asset_without_a_model_is_watched_by_its_evidence_and_continues_bit_for_bit)
{
	static const size_t stops[] = {LEARN + 3, 303, 330, 431};
	struct mw_asset *asset;

	reader = &no_model;
	asset = run(0, &whole);
	ck_assert(mw_asset_judge(asset)->blind);
	ck_assert_int_eq(whole.raised, 1);
	ck_assert_int_eq(whole.cleared, 1);
	mw_asset_free(asset);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		asset = run(stops[i], &parts);
		ck_assert(mw_asset_judge(asset)->blind);
		ck_assert_msg(strcmp(parts.trace, whole.trace) == 0, "stopped at %zu", stops[i]);
		mw_asset_free(asset);
	}
	reader = &calm;
}
END_TEST

#define WIDTH 48 /* of the model that `reads_on` stands for */

START_TEST(a_raised_window_has_its_embedding_also_after_a_restart)
{
	static const size_t stops[] = {LEARN + 3, 299, 310};
	static float hidden[WIDTH];
	struct mw_reading reads_on = calm;
	struct mw_asset *asset;

	for (size_t i = 0; i < WIDTH; i++)
		hidden[i] = (float)i;
	reads_on.hidden = hidden;
	reads_on.n_hidden = WIDTH;
	reads_on.patch_logit[2][3] = 5;
	reader = &reads_on;
	asset = run(0, &whole);
	ck_assert_int_eq(whole.raised, 1);
	ck_assert_uint_eq(whole.window.embedding.n, WIDTH + 2);
	for (size_t i = 0; i < WIDTH; i++) /* as all the others: nothing of its own */
		ck_assert_int_eq(whole.window.embedding.value[i], 0);
	ck_assert_int_eq(whole.window.embedding.value[WIDTH + 1], 127);
	mw_asset_free(asset);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		mw_asset_free(run(stops[i], &parts));
		ck_assert_mem_eq(&parts.window.embedding, &whole.window.embedding,
				 sizeof(parts.window.embedding));
	}
	reader = &calm;
	mw_asset_free(run(0, &whole));
	ck_assert_uint_eq(whole.window.embedding.n, 0); /* a model that tells no state */
}
END_TEST

START_TEST(what_it_looks_like_is_told_until_the_next_event)
{
	struct mw_similar_list list = {.n = 1, .event = {{.id = "ev-1", .similarity = 0.9}}};
	struct mw_asset *asset = run(0, &whole);

	mw_asset_seen_before(asset, &list);
	asset = repack(asset);
	ck_assert_uint_eq(mw_asset_event(asset)->similar.n, 1);
	ck_assert_str_eq(mw_asset_event(asset)->similar.event[0].id, "ev-1");
	mw_asset_free(asset);
}
END_TEST

START_TEST(what_may_still_be_the_same_event_is_not_told_as_another)
{
	struct mw_similar_list list = {.n = 2, .event = {{.id = "ev-near"}, {.id = "ev-far"}}};
	static const struct mw_answer answer = {.severity = 1};
	struct mw_outcome raise = {.action = MW_ALARM_RAISE, .channel = 1};
	struct mw_asset *asset;
	struct mw_event_window window;

	for (int before = 0; before < 2; before++) {
		struct mw_answer given = answer;

		given.onset_patch = before ? -1 : 12;
		leave_at = BREAK_AT + 110; /* off all the window long */
		asset = run(0, &whole);
		leave_at = ROWS;
		raise.channel = before ? 1 : -1;
		ck_assert(mw_asset_describe(asset, &raise, &given, &window));
		list.event[0].raised_ns = window.from_ns - (before ? MW_WINDOW_ROWS * PERIOD : 0);
		list.event[1].raised_ns = list.event[0].raised_ns - 1;
		mw_asset_seen_before(asset, &list);
		ck_assert_uint_eq(mw_asset_event(asset)->similar.n, 1);
		ck_assert_str_eq(mw_asset_event(asset)->similar.event[0].id, "ev-far");
		mw_asset_free(asset);
	}
}
END_TEST

START_TEST(a_cut_state_is_refused)
{
	struct mw_asset *asset = run(0, &whole);
	struct mw_asset *again = NULL;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(mw_asset_pack(asset, &data, &size), MW_E_OK);
	for (size_t cut = 0; cut < size; cut += 1 + size / 400) {
		ck_assert_int_eq(mw_asset_unpack(&opts, data, cut, &again), MW_E_CORRUPT);
		ck_assert_ptr_null(again);
	}
	free(data);
	mw_asset_free(asset);
}
END_TEST

START_TEST(the_machines_own_weak_point_is_said)
{
	struct mw_profile_channel channel = {.name = "press*",
					     .is_pattern = true,
					     .low = NAN,
					     .high = NAN,
					     .alarm_low = NAN,
					     .alarm_high = NAN};
	struct mw_profile_weak weak = {.fault = MW_FAULT_UNKNOWN,
				       .weight = 2,
				       .channel = 0,
				       .cause = {"the old relief valve", ""}};
	struct mw_profile profile = {
	    .n_channel = 1, .channel = &channel, .n_weak = 1, .weak = &weak};
	struct mw_asset_opts with = opts;

	with.profile = &profile;
	used = &with;
	mw_asset_free(run(0, &whole));
	used = &opts;
	ck_assert_int_eq(whole.event.fault, MW_FAULT_UNKNOWN);
	ck_assert_str_eq(whole.event.cause, "the old relief valve");
	ck_assert_str_eq(whole.event.check, ""); /* the empty library's */
}
END_TEST

START_TEST(a_learn_segment_that_is_too_short_is_refused)
{
	struct mw_asset_opts few = opts;
	struct mw_asset *asset = NULL;

	few.learn_rows = MW_LEARN_ROWS_MIN - 1;
	ck_assert_int_eq(mw_asset_new(&few, &asset), MW_E_INVAL);
	ck_assert_ptr_null(asset);
}
END_TEST

MW_TEST_MAIN("asset", a_gross_fault_is_raised_explained_and_cleared,
	     what_may_be_said_of_the_channels_is_in_the_event, a_limit_of_the_profile_is_passed,
	     what_is_told_of_an_update_is_told_since_the_events_onset,
	     a_window_that_begins_normal_shows_its_onset,
	     an_onset_is_not_told_where_the_channel_is_off_already,
	     an_answer_is_retold_as_the_event_came_to_say_it,
	     the_models_words_are_used_where_they_can_be_shown,
	     a_name_that_the_model_doubts_is_not_said, a_restored_asset_continues_bit_for_bit,
	     an_asset_without_a_model_is_watched_by_its_evidence_and_continues_bit_for_bit,
	     a_raised_window_has_its_embedding_also_after_a_restart,
	     what_it_looks_like_is_told_until_the_next_event,
	     what_may_still_be_the_same_event_is_not_told_as_another, a_cut_state_is_refused,
	     the_machines_own_weak_point_is_said, a_learn_segment_that_is_too_short_is_refused)
