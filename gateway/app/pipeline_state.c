/* pipeline_state.c -- snapshots: every asset's exact state and the spool cursor, in one
 * transaction. */
#include "gateway/app/pipeline_impl.h"

#include "gateway/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define ASSET_KEY  "asset/"
#define CURSOR_KEY "pipeline"

mw_err pipeline_new_fleet(struct mw_pipeline *p)
{
	struct mw_fleet_opts opts = {.inference = p->opts.inference,
				     .library = p->opts.library,
				     .explainer = p->opts.explainer,
				     .events = {.on_outcome = pipeline_on_outcome,
						.find_similar = pipeline_find_similar,
						.on_event = pipeline_on_event,
						.ctx = p},
				     .max_assets = (size_t)p->opts.config->gateway.max_assets};

	opts.explain.utc_offset_s = mw_clock_utc_offset_s(mw_clock_now_ns());
	mw_fleet_free(p->fleet);
	p->fleet = NULL;
	return mw_fleet_new(&opts, &p->fleet);
}

/* --- save
 * ----------------------------------------------------------------------------------------- */

static mw_err save_asset(struct mw_pipeline *p, const struct mw_asset *asset)
{
	char key[sizeof(ASSET_KEY) + MW_NAME_SIZE] = ASSET_KEY;
	uint8_t *data;
	size_t size;
	mw_err err = mw_asset_pack(asset, &data, &size);

	if (err)
		return err;
	strncat(key, mw_asset_name(asset), MW_NAME_SIZE);
	err = mw_store_state_put(p->opts.store, key, data, size);
	free(data);
	return err;
}

mw_err pipeline_save(struct mw_pipeline *p)
{
	uint64_t cursor[2] = {p->cursor.segment, p->cursor.offset};
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < mw_fleet_size(p->fleet) && !err; i++)
		err = save_asset(p, mw_fleet_at(p->fleet, i));
	if (!err)
		err = mw_store_state_put(p->opts.store, CURSOR_KEY, (const uint8_t *)cursor,
					 sizeof(cursor));
	return err;
}

mw_err pipeline_snapshot(struct mw_pipeline *p)
{
	mw_err err = mw_store_begin(p->opts.store);

	if (err)
		return err;
	err = pipeline_save(p);
	if (!err)
		err = mw_store_commit(p->opts.store);
	if (err)
		mw_store_rollback(p->opts.store);
	else
		mw_spool_release(p->opts.spool, p->cursor);
	return err;
}

/* --- restore
 * -------------------------------------------------------------------------------------- */

static mw_err restore_asset(void *ctx, const char *key, const uint8_t *data, size_t size)
{
	struct mw_pipeline *p = ctx;
	const char *name = key + strlen(ASSET_KEY);
	struct mw_asset_opts opts;
	struct mw_asset *asset;
	mw_err err;

	pipeline_asset_opts(p, name, NULL, &opts);
	err = mw_asset_unpack(&opts, data, size, &asset);
	if (err) { /* another version's state: learn anew rather than refuse to start */
		mw_log(MW_LOG_WARN, "asset.state_unusable", "asset=\"%s\" \"%s; learning anew\"",
		       name, mw_err_text(err));
		return MW_E_OK;
	}
	err = mw_fleet_adopt(p->fleet, asset);
	if (err)
		mw_asset_free(asset);
	if (err == MW_E_FULL) { /* gateway.max_assets was lowered */
		mw_log(MW_LOG_WARN, "asset.refused",
		       "asset=\"%s\" \"gateway.max_assets is reached\"", name);
		p->stats.assets_refused++;
		return MW_E_OK;
	}
	if (err)
		return err;
	mw_fleet_touch(p->fleet, asset);
	p->stats.restored++;
	return MW_E_OK;
}

mw_err pipeline_restore(struct mw_pipeline *p)
{
	uint8_t *data;
	size_t size;
	uint64_t cursor[2] = {0, 0};
	mw_err err = pipeline_new_fleet(p);

	if (!err)
		err = mw_store_state_each(p->opts.store, ASSET_KEY, restore_asset, p);
	if (err)
		return err;
	err = mw_store_state_get(p->opts.store, CURSOR_KEY, &data, &size);
	if (!err) {
		if (size == sizeof(cursor))
			memcpy(cursor, data, sizeof(cursor));
		free(data);
	}
	p->cursor = (struct mw_spool_cursor){cursor[0], cursor[1]};
	return err == MW_E_NOTFOUND ? MW_E_OK : err;
}
