/*
 * fleet.h -- all assets of a box, their windows read in batches.  The same code live and in replay;
 * what comes of it goes to the callbacks.  One thread.
 */
#ifndef MW_APP_FLEET_H
#define MW_APP_FLEET_H

#include "gateway/app/inference.h"
#include "gateway/core/asset.h"

struct mw_fleet;

struct mw_fleet_events {
	/* After every window, also the learn windows.  Lent for the call. */
	void (*on_outcome)(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome);
	/* Earlier events of the asset that look like the one that is being raised; may be NULL. */
	void (*find_similar)(void *ctx, const struct mw_event *event,
			     const struct mw_embedding *embedding,
			     struct mw_similar_list *ret_similar);
	/* After a transition.  window is NULL for a clear. */
	void (*on_event)(void *ctx, struct mw_asset *asset, const struct mw_event *event,
			 const struct mw_event_window *window, enum mw_transition transition);
	void *ctx;
};

/* Of the events that one run raises or updates, the first are told by the model, as many more are
 * read by it and told in fixed sentences, and the rest by the evidence alone: a flood must not hold
 * up the windows. */
#define MW_FLEET_WORDS  32
#define MW_FLEET_SHORTS 128

struct mw_fleet_opts {
	struct mw_inference *inference;         /* borrowed */
	const struct mw_fault_library *library; /* borrowed */
	struct mw_text_model *explainer; /* borrowed; words what is raised; NULL: the judge does */
	struct mw_explain_opts explain;
	struct mw_fleet_events events;
	size_t max_assets;
};

MW_MUST_CHECK mw_err mw_fleet_new(const struct mw_fleet_opts *opts, struct mw_fleet **ret_fleet);
void mw_fleet_free(struct mw_fleet *fleet);

/* The asset of that name, or NULL. */
struct mw_asset *mw_fleet_find(struct mw_fleet *fleet, const char *name);
/* Adds an asset.  MW_E_FULL: max_assets. */
MW_MUST_CHECK mw_err mw_fleet_add(struct mw_fleet *fleet, const struct mw_asset_opts *opts,
				  struct mw_asset **ret_asset);
/* Takes a restored asset. */
MW_MUST_CHECK mw_err mw_fleet_adopt(struct mw_fleet *fleet, struct mw_asset *asset);

/* Says that the asset got samples; mw_fleet_run looks at touched assets only. */
void mw_fleet_touch(struct mw_fleet *fleet, struct mw_asset *asset);
/* Reads every window that is complete, of all touched assets. */
MW_MUST_CHECK mw_err mw_fleet_run(struct mw_fleet *fleet);

size_t mw_fleet_size(const struct mw_fleet *fleet);
/* Asset number i in order of appearance. */
struct mw_asset *mw_fleet_at(const struct mw_fleet *fleet, size_t i);

#endif
