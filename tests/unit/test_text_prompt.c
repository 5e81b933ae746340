/* A window as text: what is in it, and that it can be made shorter. */
#include "tests/unit/unit.h"

#include "gateway/core/text_prompt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PERIOD 1000000000LL
#define START  (1000 * PERIOD)
#define LEARN  200
#define BREAK  300
#define ROWS   340

static const struct mw_asset_opts opts = {
    .name = "press-1",
    .machine = MW_MACHINE_HYDRAULIC,
    .assembler = {.period_ns = PERIOD},
    .learn_rows = LEARN,
    .alarm = {.p_raise = 0.002, .on_windows = 2, .off_windows = 4},
    .model = "test"};

/* Three channels; from BREAK on the pressure is off, and the flow is lost. */
static void feed_row(struct mw_asset *asset, size_t t, uint32_t *state)
{
	const char *const name[] = {"load", "pressure", "flow"};
	double value[3];

	for (size_t c = 0; c < 3; c++) {
		*state = *state * 1664525u + 1013904223u;
		value[c] = 0.3 * ((double)(*state >> 8) / 8388608.0 - 1.0);
	}
	value[0] += 10 + 2 * sin((double)t / 20);
	value[1] += 3 * value[0] + (t >= BREAK ? 25 : 0);
	value[2] += value[0];
	for (size_t c = 0; c < 3; c++)
		if (c < 2 || t < BREAK)
			(void)mw_asset_push(asset, (struct mw_str){name[c], strlen(name[c])},
					    START + (int64_t)t * PERIOD, value[c], 0,
					    START + (int64_t)t * PERIOD);
}

/* The machine at its newest window, and that window's view. */
static struct mw_asset *run(struct mw_text_view *ret_view)
{
	static const struct mw_reading no_model;
	struct mw_asset *asset = NULL;
	struct mw_event_window window;
	struct mw_outcome outcome;
	struct mw_prompt prompt;
	uint32_t state = 1;

	ck_assert_int_eq(mw_asset_new(&opts, &asset), MW_E_OK);
	(void)mw_asset_channel(asset, "pressure", "bar", MW_ROLE_PRESSURE);
	for (size_t t = 0; t < ROWS; t++) {
		feed_row(asset, t, &state);
		while (mw_asset_next(asset, &prompt)) {
			mw_asset_take(asset, &no_model, &outcome);
			if (outcome.action == MW_ALARM_RAISE)
				ck_assert(mw_asset_describe(asset, &outcome, NULL, &window));
		}
	}
	mw_text_view_of_prompt(asset, &prompt, ret_view);
	return asset;
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in:\n%s", part, text);
}

START_TEST(a_judge_reads_names_units_roles_and_levels)
{
	char text[MW_TEXT_PROMPT_SIZE], again[MW_TEXT_PROMPT_SIZE];
	struct mw_text_view view;
	struct mw_asset *asset = run(&view);
	size_t n = mw_text_judge_question(&view, text, sizeof(text));

	ck_assert_uint_eq(n, strlen(text));
	ck_assert_uint_eq(view.n_channel, 3);
	has(text, "machine: hydraulic");
	has(text, " pressure [bar] (pressure): normal ");
	has(text, "; levels ");
	has(text, "; readings lost in ");
	has(text, "faults of the machine: leak blockage");
	has(text, "operations: startup");
	(void)mw_text_judge_question(&view, again, sizeof(again));
	ck_assert_str_eq(text, again);
	mw_asset_free(asset);
}
END_TEST

START_TEST(a_view_shrinks_to_one_channel_and_no_further)
{
	char text[MW_TEXT_PROMPT_SIZE];
	struct mw_text_view view;
	struct mw_asset *asset = run(&view);
	size_t n, last = SIZE_MAX;

	do {
		n = mw_text_judge_question(&view, text, sizeof(text));
		ck_assert_uint_lt(n, last);
		last = n;
	} while (mw_text_view_shrink(&view, 1));
	ck_assert_uint_eq(view.n_channel, 1);
	ck_assert_uint_ge(view.patches, 4);
	mw_asset_free(asset);
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_cut)
{
	char text[64];
	struct mw_text_view view;
	struct mw_asset *asset = run(&view);

	ck_assert_uint_eq(mw_text_judge_question(&view, text, sizeof(text)), sizeof(text) - 1);
	ck_assert_uint_eq(strlen(text), sizeof(text) - 1);
	mw_asset_free(asset);
}
END_TEST

START_TEST(an_explainer_reads_the_event_and_what_it_may_cite)
{
	static const struct mw_explain_opts explain_opts;
	static const struct mw_fault_library library;
	struct mw_text_references references;
	char text[MW_TEXT_PROMPT_SIZE];
	struct mw_text_view view;
	struct mw_asset *asset = run(&view);
	const struct mw_event *event = mw_asset_event(asset);
	struct mw_render like;

	ck_assert_ptr_nonnull(event);
	mw_render_init(&like, &library, &explain_opts, event);
	mw_text_references(&like, &references);
	mw_text_view_of_event(asset, &view);
	ck_assert_uint_eq(view.n_channel, 3);
	ck_assert_uint_eq(view.channel[0], event->channel[0].finding.channel);
	(void)mw_text_explain_question(&view, &like, &references, text, sizeof(text));
	has(text, "verdict: ");
	has(text, "references:\n{c1.name} = ");
	has(text, "{onset} = ");
	mw_asset_free(asset);
}
END_TEST

MW_TEST_MAIN("text_prompt", a_judge_reads_names_units_roles_and_levels,
	     a_view_shrinks_to_one_channel_and_no_further, a_text_that_does_not_fit_is_cut,
	     an_explainer_reads_the_event_and_what_it_may_cite)
