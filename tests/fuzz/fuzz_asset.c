/* An asset's stored state, with the check sum of the baseline in it made right: refused, or fit to go
 * on with, up to the event that it tells and the state that it leaves. */
#include "gateway/core/asset.h"
#include "tests/fuzz/seal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS   80
#define PERIOD 1000000000LL
#define FAR    (INT64_MAX / 4) /* times from which rows are not counted on */

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Finds the baseline by its magic and the size before it. */
static void seal_baseline(uint8_t *data, size_t size)
{
	for (size_t at = 4; at + 4 <= size; at++) {
		uint32_t length;

		if (memcmp(data + at, "MWBL", 4) != 0)
			continue;
		length = (uint32_t)data[at - 4] | (uint32_t)data[at - 3] << 8 |
			 (uint32_t)data[at - 2] << 16 | (uint32_t)data[at - 1] << 24;
		if (length >= SUM_SIZE && length <= size - at)
			seal(data + at, length);
		return;
	}
}

static void tell(struct mw_asset *asset, const struct mw_outcome *outcome)
{
	static const struct mw_fault_library library;
	static const struct mw_explain_opts explain;
	static struct mw_event_window window;

	require(mw_asset_describe(asset, outcome, NULL, &window));
	mw_asset_explain(asset, &library, &explain, NULL);
}

static void take_windows(struct mw_asset *asset)
{
	static const struct mw_reading no_model;
	static struct mw_prompt prompt;
	struct mw_outcome outcome;

	while (mw_asset_next(asset, &prompt)) {
		mw_asset_take(asset, &no_model, &outcome);
		if (outcome.phase == MW_PHASE_WATCHING)
			require(outcome.judgement.score >= 0 && outcome.judgement.score <= 1 &&
				outcome.judgement.p_value >= 0 && outcome.judgement.p_value <= 1);
		if (outcome.action == MW_ALARM_RAISE || outcome.action == MW_ALARM_UPDATE)
			tell(asset, &outcome);
	}
}

/* Rows after the newest one: as they were learnt, then far off. */
static void go_on(struct mw_asset *asset)
{
	int64_t from = mw_assembler_newest(mw_asset_assembler(asset));

	if (from < -FAR || from > FAR)
		return;
	for (int64_t t = 1; t <= ROWS; t++) {
		int64_t time_ns = from + t * PERIOD;
		double value = t < ROWS / 2 ? 60 + sin((double)t) : 1e6;

		(void)mw_asset_push(asset, (struct mw_str){"load", 4}, time_ns, value, 0, time_ns);
		(void)mw_asset_push(asset, (struct mw_str){"pressure", 8}, time_ns, value, 0,
				    time_ns);
		take_windows(asset);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mw_asset_opts opts = {
	    .name = "press-1",
	    .assembler = {.period_ns = PERIOD, .max_gap_rows = 100},
	    .learn_rows = MW_LEARN_ROWS_MIN,
	    .alarm = {.p_raise = 0.01, .on_windows = 1, .off_windows = 4}};
	struct mw_asset *asset = NULL;
	uint8_t *copy = malloc(size + 1);
	uint8_t *again = NULL;
	size_t size_again;

	require(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	seal_baseline(copy, size);
	if (mw_asset_unpack(&opts, copy, size, &asset) == MW_E_OK) {
		go_on(asset);
		if (mw_asset_pack(asset, &again, &size_again) == MW_E_OK)
			free(again);
	}
	mw_asset_free(asset);
	free(copy);
	return 0;
}
