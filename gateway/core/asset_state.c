/* asset_state.c -- an asset's exact state as bytes, and back. */
#include "gateway/core/asset_impl.h"

#include "gateway/base/pack.h"
#include "gateway/core/evidence_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STATE_MAGIC   0x5341574du /* "MWAS" */
#define STATE_VERSION 8u
#define COUNT_MOST    (INT64_C(1) << 48) /* rows or windows; more than any machine lives */

/* --- parts
 * ----------------------------------------------------------------------------------------- */

static void put_blob(struct mw_writer *w, const uint8_t *data, size_t size)
{
	mw_put_u32(w, (uint32_t)size);
	mw_put_bytes(w, data, size);
}

static const uint8_t *get_blob(struct mw_reader *r, size_t *ret_size)
{
	*ret_size = mw_get_u32(r);
	return mw_get_bytes(r, *ret_size);
}

static mw_err put_assembler(struct mw_writer *w, const struct mw_asset *asset)
{
	uint8_t *data;
	size_t size;
	mw_err err = mw_assembler_pack(asset->assembler, &data, &size);

	if (err)
		return err;
	put_blob(w, data, size);
	free(data);
	return MW_E_OK;
}

static void put_learn(struct mw_writer *w, const struct mw_asset *asset)
{
	size_t n = (size_t)asset->rows;

	mw_put_u32(w, (uint32_t)asset->learn_stride);
	for (size_t i = 0; i < n; i++)
		mw_put_i64(w, asset->learn_time[i]);
	for (size_t i = 0; i < n * asset->learn_stride; i++)
		mw_put_f64(w, asset->learn[i]);
}

static bool get_learn(struct mw_reader *r, struct mw_asset *asset)
{
	size_t n = (size_t)asset->rows;
	size_t stride = mw_get_u32(r);
	size_t room = (size_t)asset->opts.learn_rows;

	if (n > room || stride > MW_MAX_CHANNELS || (n > 0 && stride == 0) ||
	    r->size - r->at < n * (1 + stride) * sizeof(double))
		return false;
	asset->learn_stride = stride;
	asset->learn_time = calloc(room, sizeof(*asset->learn_time));
	asset->learn = calloc(room * (stride ? stride : 1), sizeof(*asset->learn));
	if (!asset->learn_time || !asset->learn)
		return false;
	for (size_t i = 0; i < n; i++)
		asset->learn_time[i] = mw_get_i64(r);
	for (size_t i = 0; i < n * stride; i++)
		asset->learn[i] = mw_get_f64(r);
	return !r->failed;
}

static void put_judge(struct mw_writer *w, const struct mw_judge *judge)
{
	mw_put_u8(w, judge->smoothing);
	mw_put_u8(w, (uint8_t)(judge->blind | judge->spoken << 1));
	mw_put_u8(w, judge->few);
	mw_put_f64(w, judge->level_most);
	mw_put_u32(w, judge->n_calibration);
	for (int k = 0; k < MW_N_COMPONENT; k++) {
		mw_put_f64(w, judge->smooth[k]);
		mw_put_f64(w, judge->center[k]);
		mw_put_f64(w, judge->spread[k]);
	}
	for (int view = 0; view < MW_N_VIEW; view++) {
		mw_put_f64(w, judge->own[view].share);
		mw_put_f64(w, judge->own[view].from);
		mw_put_f64(w, judge->own[view].mean);
	}
	for (uint32_t i = 0; i < judge->n_calibration; i++)
		mw_put_f32(w, judge->healthy[i]);
}

static bool get_judge(struct mw_reader *r, struct mw_judge *judge)
{
	uint8_t kind;

	judge->smoothing = mw_get_u8(r) != 0;
	kind = mw_get_u8(r);
	judge->blind = kind & 1;
	judge->spoken = kind >> 1 & 1;
	judge->few = mw_get_u8(r) != 0;
	judge->level_most = mw_get_f64(r);
	judge->n_calibration = mw_get_u32(r);
	if (!isfinite(judge->level_most))
		return false;
	for (int k = 0; k < MW_N_COMPONENT; k++) {
		judge->smooth[k] = mw_get_f64(r);
		judge->center[k] = mw_get_f64(r);
		judge->spread[k] = mw_get_f64(r);
		if (!isfinite(judge->smooth[k]) || !isfinite(judge->center[k]) ||
		    !(judge->spread[k] > 0))
			return false;
	}
	for (int view = 0; view < MW_N_VIEW; view++) {
		judge->own[view].share = mw_get_f64(r);
		judge->own[view].from = mw_get_f64(r);
		judge->own[view].mean = mw_get_f64(r);
		if (!isfinite(judge->own[view].from) || !(judge->own[view].mean > 0) ||
		    !(judge->own[view].share > 0))
			return false;
	}
	if (judge->n_calibration > MW_JUDGE_MAX_CALIBRATION)
		return false;
	judge->healthy = calloc(judge->n_calibration + 1, sizeof(*judge->healthy));
	if (!judge->healthy)
		return false;
	for (uint32_t i = 0; i < judge->n_calibration; i++)
		judge->healthy[i] = mw_get_f32(r);
	judge->ready = true;
	return !r->failed;
}

static void put_alarm(struct mw_writer *w, const struct mw_alarm *alarm)
{
	mw_put_u8(w, (uint8_t)alarm->state);
	mw_put_i64(w, alarm->over);
	mw_put_i64(w, alarm->under);
	mw_put_i64(w, alarm->first_over_ns);
	mw_put_i64(w, alarm->raised_ns);
	mw_put_text(w, alarm->event_id);
	mw_put_u32(w, alarm->sequence);
	mw_put_i64(w, alarm->shelved_until_ns);
	mw_put_u8(w, alarm->open);
}

static void put_center(struct mw_writer *w, const struct mw_asset *asset)
{
	mw_put_text(w, asset->model);
	mw_put_u32(w, asset->center.n_hidden);
	mw_put_u32(w, asset->center.n_windows);
	for (uint32_t i = 0; i < asset->center.n_hidden; i++)
		mw_put_f32(w, asset->center.mean[i]);
}

static bool get_center(struct mw_reader *r, struct mw_asset *asset)
{
	struct mw_embedding_center *center = &asset->center;
	char model[sizeof(asset->model)];
	uint32_t n_hidden, n_windows;

	mw_get_text(r, model, sizeof(model));
	n_hidden = mw_get_u32(r);
	n_windows = mw_get_u32(r);
	if (n_hidden > MW_HIDDEN_MAX || n_windows > MW_EMBEDDING_LEARN ||
	    mw_embedding_center_reset(center, n_hidden) != MW_E_OK)
		return false;
	center->n_windows = n_windows;
	for (uint32_t i = 0; i < n_hidden; i++) {
		center->mean[i] = mw_get_f32(r);
		if (!isfinite(center->mean[i]))
			return false;
	}
	/* Another model's center is none. */
	if (strcmp(model, asset->model) != 0)
		mw_embedding_center_done(center);
	return !r->failed;
}

static bool is_count(int64_t count)
{
	return count >= 0 && count <= COUNT_MOST;
}

static bool get_alarm(struct mw_reader *r, struct mw_alarm *alarm)
{
	uint8_t state = mw_get_u8(r);

	if (state > MW_ALARM_OUT_OF_SERVICE)
		return false;
	alarm->state = (enum mw_alarm_state)state;
	alarm->over = mw_get_i64(r);
	alarm->under = mw_get_i64(r);
	alarm->first_over_ns = mw_get_i64(r);
	alarm->raised_ns = mw_get_i64(r);
	mw_get_text(r, alarm->event_id, sizeof(alarm->event_id));
	alarm->sequence = mw_get_u32(r);
	alarm->shelved_until_ns = mw_get_i64(r);
	alarm->open = mw_get_u8(r) != 0;
	return !r->failed && is_count(alarm->over) && is_count(alarm->under);
}

/* The event is restored from the same build's bytes: its plain struct, guarded by its size. */
static void put_event(struct mw_writer *w, const struct mw_event *event)
{
	mw_put_u32(w, event ? (uint32_t)sizeof(*event) : 0);
	if (event)
		mw_put_bytes(w, event, sizeof(*event));
}

static bool is_text(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static bool channels_are_sane(const struct mw_event *event)
{
	if (event->n_channel > MW_EVENT_CHANNELS)
		return false;
	for (size_t i = 0; i < event->n_channel; i++)
		if (!is_text(event->channel[i].name, sizeof(event->channel[i].name)) ||
		    !is_text(event->channel[i].unit, sizeof(event->channel[i].unit)))
			return false;
	return true;
}

static bool citations_are_sane(const struct mw_event *event)
{
	if (event->n_citation > MW_MAX_CITATIONS)
		return false;
	for (size_t i = 0; i < event->n_citation; i++) {
		const struct mw_citation *citation = &event->citation[i];

		if (!is_text(citation->reference, sizeof(citation->reference)) ||
		    citation->from > citation->to || citation->to > sizeof(event->explanation))
			return false;
	}
	return true;
}

static bool similar_are_sane(const struct mw_event *event)
{
	if (event->similar.n > MW_EVENT_SIMILAR)
		return false;
	for (size_t i = 0; i < event->similar.n; i++) {
		const struct mw_similar *similar = &event->similar.event[i];
		uint8_t acknowledged;

		memcpy(&acknowledged, &similar->acknowledged, sizeof(acknowledged));
		if (!is_text(similar->id, sizeof(similar->id)) || acknowledged > 1 ||
		    similar->feedback > MW_FEEDBACK_UNSURE ||
		    (unsigned)similar->fault >= MW_N_FAULT)
			return false;
	}
	return true;
}

static bool causes_are_sane(const struct mw_event *event)
{
	if (event->n_cause > MW_EVENT_CAUSES || !is_text(event->site_fault, MW_CODE_SIZE))
		return false;
	for (size_t i = 0; i < event->n_cause; i++) {
		const struct mw_event_cause *cause = &event->likely[i];

		if (!is_text(cause->channel, MW_NAME_SIZE) || !is_text(cause->of, MW_NAME_SIZE) ||
		    !is_text(cause->name, MW_NAME_SIZE) ||
		    !is_text(cause->site_fault, MW_CODE_SIZE) ||
		    !is_text(cause->cause, MW_PHRASE_SIZE) ||
		    !is_text(cause->check, MW_PHRASE_SIZE) ||
		    (cause->why & ~(unsigned)MW_WHY_ALL) || (unsigned)cause->fault >= MW_N_FAULT)
			return false;
	}
	return true;
}

static bool kinds_are_sane(const struct mw_event *event)
{
	uint8_t before;

	memcpy(&before, &event->onset_before_window, sizeof(before)); /* any byte, as a bool */
	return (unsigned)event->fault < MW_N_FAULT && (unsigned)event->machine < MW_N_MACHINE &&
	       (unsigned)event->verdict <= MW_VERDICT_UNKNOWN &&
	       (unsigned)event->state <= MW_ALARM_OUT_OF_SERVICE &&
	       (unsigned)event->language <= MW_LANGUAGE_KO &&
	       (unsigned)event->form <= MW_FORM_TEMPLATE && before <= 1;
}

static bool event_is_sane(const struct mw_event *event)
{
	return is_text(event->id, sizeof(event->id)) &&
	       is_text(event->asset, sizeof(event->asset)) &&
	       is_text(event->explanation, sizeof(event->explanation)) &&
	       is_text(event->cause, sizeof(event->cause)) &&
	       is_text(event->check, sizeof(event->check)) &&
	       is_text(event->model, sizeof(event->model)) && channels_are_sane(event) &&
	       citations_are_sane(event) && similar_are_sane(event) && causes_are_sane(event) &&
	       kinds_are_sane(event);
}

static bool get_event(struct mw_reader *r, struct mw_asset *asset)
{
	uint32_t size = mw_get_u32(r);
	const uint8_t *bytes;

	if (size == 0)
		return !r->failed;
	bytes = size == sizeof(*asset->event) ? mw_get_bytes(r, size) : NULL;
	asset->event = bytes ? malloc(sizeof(*asset->event)) : NULL;
	if (!asset->event)
		return false;
	memcpy(asset->event, bytes, sizeof(*asset->event));
	return event_is_sane(asset->event);
}

/* --- whole
 * ----------------------------------------------------------------------------------------- */

/* Calibration is one short burst: a state taken in its midst starts it over from the learn rows. */
static bool is_learning(const struct mw_asset *asset)
{
	return asset->phase != MW_PHASE_WATCHING;
}

static mw_err put_watching(struct mw_writer *w, const struct mw_asset *asset)
{
	uint8_t *data;
	size_t size;
	mw_err err = mw_baseline_pack(asset->baseline, &data, &size);

	if (err)
		return err;
	put_blob(w, data, size);
	free(data);
	err = mw_evidence_pack(asset->evidence, &data, &size);
	if (err)
		return err;
	put_blob(w, data, size);
	free(data);
	for (size_t c = 0; c < mw_baseline_n_channels(asset->baseline); c++)
		mw_put_u8(w, (uint8_t)asset->info.role[c]);
	put_judge(w, &asset->judge);
	put_alarm(w, &asset->alarm);
	put_center(w, asset);
	mw_lookout_put(asset->lookout, w);
	put_event(w, asset->event);
	return MW_E_OK;
}

mw_err mw_asset_pack(const struct mw_asset *asset, uint8_t **ret_data, size_t *ret_size)
{
	struct mw_writer w = {0};
	uint8_t *data;
	size_t size;
	mw_err err;

	mw_put_u32(&w, STATE_MAGIC);
	mw_put_u32(&w, STATE_VERSION);
	mw_put_u8(&w, (uint8_t)asset->opts.machine);
	mw_put_i64(&w, asset->opts.learn_rows);
	mw_put_u8(&w, is_learning(asset));
	mw_put_i64(&w, asset->rows);
	mw_put_i64(&w, asset->last_row_ns);
	mw_put_i64(&w, asset->silent_rows);
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		mw_put_u8(&w, asset->role[c]);
	err = put_assembler(&w, asset);
	if (!err && is_learning(asset))
		put_learn(&w, asset);
	else if (!err)
		err = put_watching(&w, asset);
	if (!err)
		return mw_writer_finish(&w, ret_data, ret_size);
	if (mw_writer_finish(&w, &data, &size) == MW_E_OK)
		free(data);
	return err;
}

static bool get_watching(struct mw_reader *r, struct mw_asset *asset)
{
	size_t size;
	const uint8_t *data = get_blob(r, &size);

	if (!data || mw_baseline_unpack(data, size, NULL, 0, &asset->baseline) != MW_E_OK)
		return false;
	data = get_blob(r, &size);
	if (!data || mw_evidence_unpack(asset->baseline, data, size, &asset->evidence) != MW_E_OK ||
	    mw_baseline_n_channels(asset->baseline) != mw_assembler_n_channels(asset->assembler))
		return false;
	asset->phase = MW_PHASE_WATCHING;
	asset_find_profiles(asset);
	for (size_t c = 0; c < mw_baseline_n_channels(asset->baseline); c++) {
		asset->info.role[c] = (enum mw_role)mw_get_u8(r);
		if (asset->info.role[c] >= MW_N_ROLE)
			return false;
	}
	return get_judge(r, &asset->judge) && get_alarm(r, &asset->alarm) && get_center(r, asset) &&
	       asset_make_lookout(asset) && mw_lookout_get(asset->lookout, r) == MW_E_OK &&
	       get_event(r, asset);
}

static bool get_head(struct mw_reader *r, struct mw_asset *asset, bool *ret_learning)
{
	uint8_t machine;
	bool known = mw_get_u32(r) == STATE_MAGIC && mw_get_u32(r) == STATE_VERSION;

	machine = mw_get_u8(r);
	if (asset->opts.machine == MW_MACHINE_OTHER && machine < MW_N_MACHINE)
		asset->opts.machine =
		    (enum mw_machine)machine; /* the source that said so is gone */
	asset->opts.learn_rows = mw_get_i64(r);
	*ret_learning = mw_get_u8(r) != 0;
	asset->rows = mw_get_i64(r);
	asset->last_row_ns = mw_get_i64(r);
	asset->silent_rows = mw_get_i64(r);
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++) {
		uint8_t role = mw_get_u8(r);

		known = known && role < MW_N_ROLE;
		asset->role[c] = role;
	}
	return known && !r->failed && is_count(asset->rows) && is_count(asset->silent_rows) &&
	       asset->opts.learn_rows >= MW_LEARN_ROWS_MIN && asset->opts.learn_rows <= 10000000;
}

static bool get_asset(struct mw_reader *r, struct mw_asset *asset)
{
	const uint8_t *data;
	size_t size;
	bool learning;

	if (!get_head(r, asset, &learning))
		return false;
	mw_assembler_free(asset->assembler);
	asset->assembler = NULL;
	data = get_blob(r, &size);
	if (!data ||
	    mw_assembler_unpack(&asset->opts.assembler, data, size, &asset->assembler) != MW_E_OK)
		return false;
	return (learning ? get_learn(r, asset) : get_watching(r, asset)) && mw_reader_is_done(r);
}

mw_err mw_asset_unpack(const struct mw_asset_opts *opts, const uint8_t *data, size_t size,
		       struct mw_asset **ret_asset)
{
	struct mw_reader r;
	struct mw_asset *asset;
	mw_err err = mw_asset_new(opts, &asset);

	if (err)
		return err;
	mw_reader_init(&r, data, size);
	if (!get_asset(&r, asset)) {
		mw_asset_free(asset);
		return MW_E_CORRUPT;
	}
	*ret_asset = asset;
	return MW_E_OK;
}
