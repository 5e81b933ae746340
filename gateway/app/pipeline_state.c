/* pipeline_state.c -- snapshots: every asset's exact state and the spool cursor, in one
 * transaction; and between two of them the state of single assets that are ahead of that cursor. */
#include "gateway/app/pipeline_impl.h"

#include "gateway/base/clock.h"
#include "gateway/base/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSET_KEY  "asset/"
#define CURSOR_KEY "pipeline"
#define AHEAD_KEY  "pipeline/ahead"

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

static mw_err save_ahead(struct mw_pipeline *p)
{
	struct mw_writer writer = {0};
	uint8_t *data;
	size_t size;
	mw_err err;

	mw_put_u32(&writer, (uint32_t)p->n_ahead);
	for (size_t i = 0; i < p->n_ahead; i++) {
		mw_put_text(&writer, p->ahead[i].asset);
		mw_put_u64(&writer, p->ahead[i].cursor.segment);
		mw_put_u64(&writer, p->ahead[i].cursor.offset);
	}
	err = mw_writer_finish(&writer, &data, &size);
	if (err)
		return err;
	err = mw_store_state_put(p->opts.store, AHEAD_KEY, data, size);
	free(data);
	return err;
}

static mw_err save_all(struct mw_pipeline *p)
{
	uint64_t cursor[2] = {p->cursor.segment, p->cursor.offset};
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < mw_fleet_size(p->fleet) && !err; i++)
		err = save_asset(p, mw_fleet_at(p->fleet, i));
	if (!err)
		err = mw_store_state_put(p->opts.store, CURSOR_KEY, (const uint8_t *)cursor,
					 sizeof(cursor));
	p->saved = p->cursor;
	p->n_ahead = 0; /* a failure ends in pipeline_restore, which reads both again */
	return err ? err : save_ahead(p);
}

static struct ahead *ahead_of(struct mw_pipeline *p, const char *asset)
{
	size_t i = 0;

	while (i < p->n_ahead && strcmp(p->ahead[i].asset, asset) != 0)
		i++;
	if (i == AHEAD_ASSETS)
		return NULL;
	p->n_ahead += i == p->n_ahead;
	return &p->ahead[i];
}

mw_err pipeline_save_one(struct mw_pipeline *p, const struct mw_asset *asset)
{
	struct ahead *ahead = ahead_of(p, mw_asset_name(asset));
	mw_err err;

	if (!ahead)
		return save_all(p);
	(void)snprintf(ahead->asset, sizeof(ahead->asset), "%s", mw_asset_name(asset));
	ahead->cursor = p->cursor;
	err = save_asset(p, asset);
	return err ? err : save_ahead(p);
}

static bool is_before(struct mw_spool_cursor a, struct mw_spool_cursor b)
{
	return a.segment < b.segment || (a.segment == b.segment && a.offset < b.offset);
}

/* Cursors before that of the snapshot are of a new spool: the one that was read is gone. */
bool pipeline_has_taken(const struct mw_pipeline *p, const char *asset, struct mw_spool_cursor end)
{
	for (size_t i = 0; i < p->n_ahead; i++)
		if (!is_before(p->ahead[i].cursor, end) && !is_before(end, p->saved) &&
		    strcmp(p->ahead[i].asset, asset) == 0)
			return true;
	return false;
}

mw_err pipeline_snapshot(struct mw_pipeline *p)
{
	mw_err err = mw_store_begin(p->opts.store);

	if (err)
		return err;
	err = save_all(p);
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

static bool get_ahead(struct mw_pipeline *p, const uint8_t *data, size_t size)
{
	struct mw_reader reader;
	size_t n;

	mw_reader_init(&reader, data, size);
	n = mw_get_u32(&reader);
	for (size_t i = 0; i < n && n <= AHEAD_ASSETS; i++) {
		struct ahead *ahead = &p->ahead[i];

		mw_get_text(&reader, ahead->asset, sizeof(ahead->asset));
		ahead->cursor.segment = mw_get_u64(&reader);
		ahead->cursor.offset = mw_get_u64(&reader);
	}
	if (n > AHEAD_ASSETS || !mw_reader_is_done(&reader))
		return false;
	p->n_ahead = n;
	return true;
}

static mw_err restore_ahead(struct mw_pipeline *p)
{
	uint8_t *data;
	size_t size;
	mw_err err = mw_store_state_get(p->opts.store, AHEAD_KEY, &data, &size);

	p->n_ahead = 0;
	if (err)
		return err == MW_E_NOTFOUND ? MW_E_OK : err;
	if (!get_ahead(p, data, size))
		mw_log(MW_LOG_WARN, "snapshot.damaged",
		       "key=" AHEAD_KEY " \"some rows are read twice\"");
	free(data);
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
	if (!err)
		err = restore_ahead(p);
	if (err)
		return err;
	err = mw_store_state_get(p->opts.store, CURSOR_KEY, &data, &size);
	if (!err) {
		if (size == sizeof(cursor))
			memcpy(cursor, data, sizeof(cursor));
		free(data);
	}
	p->cursor = p->saved = (struct mw_spool_cursor){cursor[0], cursor[1]};
	return err == MW_E_NOTFOUND ? MW_E_OK : err;
}
