#include "gateway/app/fleet.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct slot {
	struct mw_asset *asset;
	bool touched;
	UT_hash_handle hh; /* by the asset's name */
};

struct mw_fleet {
	struct mw_fleet_opts opts;
	struct slot *by_name;
	struct slot **slot; /* in order of appearance */
	size_t n_slot;
	/* One batch at work. */
	struct mw_prompt prompt[MW_INFERENCE_BATCH];
	struct mw_reading reading[MW_INFERENCE_BATCH];
	struct mw_asset *reads[MW_INFERENCE_BATCH];
	size_t n_told; /* events of this run */
	struct mw_text_words text_words;
	size_t calibrating; /* assets that have begun to calibrate and not ended */
};

mw_err mw_fleet_new(const struct mw_fleet_opts *opts, struct mw_fleet **ret_fleet)
{
	struct mw_fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet)
		return MW_E_NOMEM;
	fleet->opts = *opts;
	fleet->slot = calloc(opts->max_assets, sizeof(struct slot *));
	if (!fleet->slot) {
		free(fleet);
		return MW_E_NOMEM;
	}
	*ret_fleet = fleet;
	return MW_E_OK;
}

void mw_fleet_free(struct mw_fleet *fleet)
{
	if (!fleet)
		return;
	HASH_CLEAR(hh, fleet->by_name);
	for (size_t i = 0; i < fleet->n_slot; i++) {
		mw_asset_free(fleet->slot[i]->asset);
		free(fleet->slot[i]);
	}
	free(fleet->slot);
	free(fleet);
}

static struct slot *find_slot(struct mw_fleet *fleet, const char *name)
{
	struct slot *found;

	HASH_FIND(hh, fleet->by_name, name, (unsigned)strlen(name), found);
	return found;
}

struct mw_asset *mw_fleet_find(struct mw_fleet *fleet, const char *name)
{
	struct slot *found = find_slot(fleet, name);

	return found ? found->asset : NULL;
}

mw_err mw_fleet_adopt(struct mw_fleet *fleet, struct mw_asset *asset)
{
	const char *name = mw_asset_name(asset);
	struct slot *slot;

	if (fleet->n_slot == fleet->opts.max_assets)
		return MW_E_FULL;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return MW_E_NOMEM;
	slot->asset = asset;
	HASH_ADD_KEYPTR(hh, fleet->by_name, name, (unsigned)strlen(name), slot);
	fleet->slot[fleet->n_slot++] = slot;
	return MW_E_OK;
}

mw_err mw_fleet_add(struct mw_fleet *fleet, const struct mw_asset_opts *opts,
		    struct mw_asset **ret_asset)
{
	struct mw_asset *asset;
	mw_err err = mw_asset_new(opts, &asset);

	if (err)
		return err;
	err = mw_fleet_adopt(fleet, asset);
	if (err) {
		mw_asset_free(asset);
		return err;
	}
	*ret_asset = asset;
	return MW_E_OK;
}

void mw_fleet_touch(struct mw_fleet *fleet, struct mw_asset *asset)
{
	struct slot *slot = find_slot(fleet, mw_asset_name(asset));

	if (slot)
		slot->touched = true;
}

/* --- windows ---------------------------------------------------------------------------------- */

static enum mw_transition transition_of(enum mw_alarm_action action)
{
	switch (action) {
	case MW_ALARM_RAISE:
		return MW_TRANSITION_RAISED;
	case MW_ALARM_CLEAR:
		return MW_TRANSITION_CLEARED;
	case MW_ALARM_UNSHELVE:
		return MW_TRANSITION_UNSHELVED;
	default:
		return MW_TRANSITION_UPDATED;
	}
}

/* The number of an event's id: the same event is told in the same words. */
static uint64_t seed_of(const struct mw_event *event)
{
	return strtoull(event->id + sizeof("ev-") - 1, NULL, 16) + event->sequence;
}

/* Lets the model tell the event that was made of its answer; words.n = 0: it could not. */
static struct mw_words tell(struct mw_fleet *fleet, size_t i, const struct mw_explain_opts *opts,
			    struct mw_answer *answer)
{
	const struct mw_event *event = mw_asset_event(fleet->reads[i]);
	struct mw_words_limits limits = {.language_mask = 1u << event->language,
					 .n_channel = event->n_channel};
	struct mw_words words = {0};
	struct mw_render like;

	mw_render_init(&like, fleet->opts.library, opts, event);
	limits.like = &like;
	mw_asset_retell(fleet->reads[i], answer);
	if (mw_inference_words(fleet->opts.inference, i, answer, &limits, seed_of(event), &words))
		words.n = 0;
	return words;
}

static bool answer(struct mw_fleet *fleet, size_t i, const struct mw_outcome *outcome,
		   struct mw_answer *ret_answer)
{
	struct mw_text_model *judge = mw_inference_text(fleet->opts.inference);
	struct mw_answer_limits limits;

	if (fleet->n_told >= MW_FLEET_WORDS + MW_FLEET_SHORTS)
		return false;
	mw_asset_limits(fleet->reads[i], outcome, &limits);
	if (judge)
		return mw_text_model_answer(judge, &limits, ret_answer) == MW_E_OK;
	return mw_inference_answer(fleet->opts.inference, i, &limits, ret_answer) == MW_E_OK;
}

/* Lets a general model tell a raised event; false: it may not, or it could not. */
static bool tell_in_text(struct mw_fleet *fleet, struct mw_asset *asset,
			 const struct mw_explain_opts *opts)
{
	struct mw_text_model *teller = fleet->opts.explainer;
	const struct mw_event *event = mw_asset_event(asset);
	struct mw_text_words *said = &fleet->text_words;
	struct mw_words words = {0};
	struct mw_text_view view;
	struct mw_render like;

	if (!teller)
		teller = mw_inference_text(fleet->opts.inference);
	if (!teller || event->sequence > 0 || event->site_fault[0] != '\0')
		return false;
	mw_render_init(&like, fleet->opts.library, opts, event);
	mw_text_view_of_event(asset, &view);
	if (mw_text_model_tell(teller, &view, &like, said) != MW_E_OK)
		return false;
	words.n = said->n;
	memcpy(words.text, said->word, said->n * sizeof(said->word[0]));
	mw_asset_explain(asset, fleet->opts.library, opts, &words);
	mw_asset_told_by(asset, mw_text_model_name(teller));
	return true;
}

static void find_similar(struct mw_fleet *fleet, struct mw_asset *asset,
			 const struct mw_embedding *embedding)
{
	const struct mw_fleet_events *events = &fleet->opts.events;
	struct mw_similar_list similar = {0};

	if (!events->find_similar)
		return;
	events->find_similar(events->ctx, mw_asset_event(asset), embedding, &similar);
	mw_asset_seen_before(asset, &similar);
}

static void explain(struct mw_fleet *fleet, size_t i, const struct mw_outcome *outcome,
		    struct mw_event_window *ret_window)
{
	struct mw_asset *asset = fleet->reads[i];
	struct mw_words words = {0};
	struct mw_explain_opts opts;
	struct mw_answer said;
	bool answered = answer(fleet, i, outcome, &said);

	if (!mw_asset_describe(asset, outcome, answered ? &said : NULL, ret_window))
		return;
	if (outcome->action == MW_ALARM_RAISE)
		find_similar(fleet, asset, &ret_window->embedding);
	opts = mw_asset_explain_opts(asset, &fleet->opts.explain);
	if (fleet->n_told < MW_FLEET_WORDS && tell_in_text(fleet, asset, &opts)) {
		fleet->n_told++;
		return;
	}
	/* The model has no words for a fault that only the site knows: fixed sentences say it. */
	if (answered && fleet->n_told < MW_FLEET_WORDS &&
	    mw_asset_event(asset)->site_fault[0] == '\0')
		words = tell(fleet, i, &opts, &said);
	fleet->n_told++;
	mw_asset_explain(asset, fleet->opts.library, &opts, answered ? &words : NULL);
	mw_asset_told_by(asset, NULL);
}

static void count_calibrating(struct mw_fleet *fleet, const struct mw_asset *asset,
			      enum mw_asset_phase before)
{
	fleet->calibrating += mw_asset_phase(asset) == MW_PHASE_CALIBRATING;
	fleet->calibrating -= before == MW_PHASE_CALIBRATING;
}

static void conclude(struct mw_fleet *fleet, size_t i)
{
	const struct mw_fleet_events *events = &fleet->opts.events;
	struct mw_asset *asset = fleet->reads[i];
	enum mw_asset_phase before = mw_asset_phase(asset);
	struct mw_event_window window;
	struct mw_outcome outcome;
	bool worded;

	mw_asset_take(asset, &fleet->reading[i], &outcome);
	count_calibrating(fleet, asset, before);
	if (events->on_outcome)
		events->on_outcome(events->ctx, asset, &outcome);
	if (outcome.action == MW_ALARM_NOTHING)
		return;
	worded = outcome.action == MW_ALARM_RAISE || outcome.action == MW_ALARM_UPDATE;
	if (worded)
		explain(fleet, i, &outcome, &window);
	if (events->on_event && mw_asset_event(asset))
		events->on_event(events->ctx, asset, mw_asset_event(asset), worded ? &window : NULL,
				 transition_of(outcome.action));
}

/* Calibrating takes a few hundred kilobytes: when many machines have learnt at once, they wait for
 * each other. */
static bool must_wait(const struct mw_fleet *fleet, const struct mw_asset *asset)
{
	return mw_asset_phase(asset) == MW_PHASE_LEARNING &&
	       fleet->calibrating >= MW_INFERENCE_BATCH;
}

static bool next_window(struct mw_fleet *fleet, struct mw_asset *asset,
			struct mw_prompt *ret_prompt)
{
	enum mw_asset_phase before = mw_asset_phase(asset);
	bool ready = mw_asset_next(asset, ret_prompt);

	count_calibrating(fleet, asset, before);
	return ready;
}

/* Takes one window each of as many touched assets as fit in a batch, starting at *at. */
static size_t gather(struct mw_fleet *fleet, size_t *at)
{
	size_t n = 0;

	for (; *at < fleet->n_slot && n < MW_INFERENCE_BATCH; (*at)++) {
		struct slot *slot = fleet->slot[*at];

		if (!slot->touched || must_wait(fleet, slot->asset))
			continue;
		slot->touched = next_window(fleet, slot->asset, &fleet->prompt[n]);
		if (slot->touched)
			fleet->reads[n++] = slot->asset;
	}
	return n;
}

/* A judge of text holds one window at a time: what is raised is answered before the next is read. */
static mw_err read_texts(struct mw_fleet *fleet, struct mw_text_model *judge, size_t n)
{
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < n && !err; i++) {
		struct mw_text_view view;

		mw_text_view_of_prompt(fleet->reads[i], &fleet->prompt[i], &view);
		err = mw_text_model_judge(judge, &view, &fleet->reading[i]);
		if (!err)
			conclude(fleet, i);
	}
	return err;
}

static mw_err read_batch(struct mw_fleet *fleet, size_t n)
{
	struct mw_text_model *judge = mw_inference_text(fleet->opts.inference);
	const struct mw_prompt *prompt[MW_INFERENCE_BATCH];
	mw_err err;

	if (judge)
		return read_texts(fleet, judge, n);
	for (size_t i = 0; i < n; i++)
		prompt[i] = &fleet->prompt[i];
	err = mw_inference_read(fleet->opts.inference, prompt, n, fleet->reading);
	for (size_t i = 0; i < n && !err; i++)
		conclude(fleet, i);
	return err;
}

mw_err mw_fleet_run(struct mw_fleet *fleet)
{
	bool any = true;
	mw_err err = MW_E_OK;

	fleet->n_told = 0;
	while (any && !err) { /* a round takes one window of each asset, so no machine starves */
		any = false;
		for (size_t at = 0; at < fleet->n_slot && !err;) {
			size_t n = gather(fleet, &at);

			if (n > 0)
				err = read_batch(fleet, n);
			any = any || n > 0;
		}
	}
	return err;
}

size_t mw_fleet_size(const struct mw_fleet *fleet)
{
	return fleet->n_slot;
}

struct mw_asset *mw_fleet_at(const struct mw_fleet *fleet, size_t i)
{
	return fleet->slot[i]->asset;
}
