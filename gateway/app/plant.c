#include "gateway/app/plant.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct slot {
	struct mw_asset *asset;
	bool touched;
	UT_hash_handle hh; /* by the asset's name */
};

struct mw_plant {
	struct mw_plant_opts opts;
	struct slot *by_name;
	struct slot **slot; /* in order of appearance */
	size_t n_slot;
	/* One batch at work. */
	struct mw_prompt prompt[MW_INFERENCE_BATCH];
	struct mw_reading reading[MW_INFERENCE_BATCH];
	struct mw_asset *reads[MW_INFERENCE_BATCH];
};

mw_err mw_plant_new(const struct mw_plant_opts *opts, struct mw_plant **ret_plant)
{
	struct mw_plant *plant = calloc(1, sizeof(*plant));

	if (!plant)
		return MW_E_NOMEM;
	plant->opts = *opts;
	plant->slot = calloc(opts->max_assets, sizeof(struct slot *));
	if (!plant->slot) {
		free(plant);
		return MW_E_NOMEM;
	}
	*ret_plant = plant;
	return MW_E_OK;
}

void mw_plant_free(struct mw_plant *plant)
{
	if (!plant)
		return;
	HASH_CLEAR(hh, plant->by_name);
	for (size_t i = 0; i < plant->n_slot; i++) {
		mw_asset_free(plant->slot[i]->asset);
		free(plant->slot[i]);
	}
	free(plant->slot);
	free(plant);
}

static struct slot *find_slot(struct mw_plant *plant, const char *name)
{
	struct slot *found;

	HASH_FIND(hh, plant->by_name, name, (unsigned)strlen(name), found);
	return found;
}

struct mw_asset *mw_plant_find(struct mw_plant *plant, const char *name)
{
	struct slot *found = find_slot(plant, name);

	return found ? found->asset : NULL;
}

mw_err mw_plant_adopt(struct mw_plant *plant, struct mw_asset *asset)
{
	const char *name = mw_asset_name(asset);
	struct slot *slot;

	if (plant->n_slot == plant->opts.max_assets)
		return MW_E_FULL;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return MW_E_NOMEM;
	slot->asset = asset;
	HASH_ADD_KEYPTR(hh, plant->by_name, name, (unsigned)strlen(name), slot);
	plant->slot[plant->n_slot++] = slot;
	return MW_E_OK;
}

mw_err mw_plant_add(struct mw_plant *plant, const struct mw_asset_opts *opts,
		    struct mw_asset **ret_asset)
{
	struct mw_asset *asset;
	mw_err err = mw_asset_new(opts, &asset);

	if (err)
		return err;
	err = mw_plant_adopt(plant, asset);
	if (err) {
		mw_asset_free(asset);
		return err;
	}
	*ret_asset = asset;
	return MW_E_OK;
}

void mw_plant_touch(struct mw_plant *plant, struct mw_asset *asset)
{
	struct slot *slot = find_slot(plant, mw_asset_name(asset));

	if (slot)
		slot->touched = true;
}

/* --- windows ----------------------------------------------------------------------------------- */

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

/* Words cost more than a verdict: only for what people will read. */
static void explain(struct mw_plant *plant, size_t i, const struct mw_outcome *outcome,
		    struct mw_event_window *ret_window)
{
	struct mw_answer_limits limits;
	struct mw_answer answer;
	bool answered;

	mw_asset_limits(plant->reads[i], outcome, &limits);
	answered = mw_inference_answer(plant->opts.inference, i, &limits, &answer) == MW_E_OK;
	mw_asset_explain(plant->reads[i], mw_inference_model(plant->opts.inference), plant->opts.library,
			 &plant->opts.explain, outcome, answered ? &answer : NULL, ret_window);
}

static void conclude(struct mw_plant *plant, size_t i)
{
	const struct mw_plant_events *events = &plant->opts.events;
	struct mw_asset *asset = plant->reads[i];
	struct mw_event_window window;
	struct mw_outcome outcome;
	bool worded;

	mw_asset_take(asset, &plant->reading[i], &outcome);
	if (events->on_outcome)
		events->on_outcome(events->ctx, asset, &outcome);
	if (outcome.action == MW_ALARM_NOTHING)
		return;
	worded = outcome.action == MW_ALARM_RAISE || outcome.action == MW_ALARM_UPDATE;
	if (worded)
		explain(plant, i, &outcome, &window);
	if (events->on_event && mw_asset_event(asset))
		events->on_event(events->ctx, asset, mw_asset_event(asset),
				 worded ? &window : NULL, transition_of(outcome.action));
}

/* Takes one window each of as many touched assets as fit in a batch, starting at *at. */
static size_t gather(struct mw_plant *plant, size_t *at)
{
	size_t n = 0;

	for (; *at < plant->n_slot && n < MW_INFERENCE_BATCH; (*at)++) {
		struct slot *slot = plant->slot[*at];

		if (!slot->touched)
			continue;
		slot->touched = mw_asset_next(slot->asset, &plant->prompt[n]);
		if (slot->touched)
			plant->reads[n++] = slot->asset;
	}
	return n;
}

static mw_err read_batch(struct mw_plant *plant, size_t n)
{
	const struct mw_prompt *prompt[MW_INFERENCE_BATCH];
	mw_err err;

	for (size_t i = 0; i < n; i++)
		prompt[i] = &plant->prompt[i];
	err = mw_inference_read(plant->opts.inference, prompt, n, plant->reading);
	for (size_t i = 0; i < n && !err; i++)
		conclude(plant, i);
	return err;
}

mw_err mw_plant_run(struct mw_plant *plant)
{
	bool any = true;
	mw_err err = MW_E_OK;

	while (any && !err) { /* a round takes one window of each asset, so no machine starves */
		any = false;
		for (size_t at = 0; at < plant->n_slot && !err;) {
			size_t n = gather(plant, &at);

			if (n > 0)
				err = read_batch(plant, n);
			any = any || n > 0;
		}
	}
	return err;
}

size_t mw_plant_size(const struct mw_plant *plant)
{
	return plant->n_slot;
}

struct mw_asset *mw_plant_at(const struct mw_plant *plant, size_t i)
{
	return plant->slot[i]->asset;
}
