/*
 * plant.h -- all assets of a box, their windows read in batches.  The same code live and in replay;
 * what comes of it goes to the callbacks.  One thread.
 */
#ifndef MW_APP_PLANT_H
#define MW_APP_PLANT_H

#include "gateway/app/inference.h"
#include "gateway/core/asset.h"

struct mw_plant;

struct mw_plant_events {
	/* After every window, also the learn windows.  Lent for the call. */
	void (*on_outcome)(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome);
	/* After a transition.  window is NULL for a clear. */
	void (*on_event)(void *ctx, struct mw_asset *asset, const struct mw_event *event,
			 const struct mw_event_window *window, enum mw_transition transition);
	void *ctx;
};

struct mw_plant_opts {
	struct mw_inference *inference;                /* borrowed */
	const struct mw_fault_library *library;  /* borrowed */
	struct mw_explain_opts explain;
	struct mw_plant_events events;
	size_t max_assets;
};

MW_MUST_CHECK mw_err mw_plant_new(const struct mw_plant_opts *opts, struct mw_plant **ret_plant);
void mw_plant_free(struct mw_plant *plant);

/* The asset of that name, or NULL. */
struct mw_asset *mw_plant_find(struct mw_plant *plant, const char *name);
/* Adds an asset.  MW_E_FULL: max_assets. */
MW_MUST_CHECK mw_err mw_plant_add(struct mw_plant *plant, const struct mw_asset_opts *opts,
				  struct mw_asset **ret_asset);
/* Takes a restored asset. */
MW_MUST_CHECK mw_err mw_plant_adopt(struct mw_plant *plant, struct mw_asset *asset);

/* Says that the asset got samples; mw_plant_run looks at touched assets only. */
void mw_plant_touch(struct mw_plant *plant, struct mw_asset *asset);
/* Reads every window that is complete, of all touched assets. */
MW_MUST_CHECK mw_err mw_plant_run(struct mw_plant *plant);

size_t mw_plant_size(const struct mw_plant *plant);
/* Asset number i in order of appearance. */
struct mw_asset *mw_plant_at(const struct mw_plant *plant, size_t i);

#endif
