/* asset_operator.c -- what an operator does to the present alarm. */
#include "gateway/core/asset_impl.h"

#include <string.h>

bool mw_asset_holds(const struct mw_asset *asset, const char *event)
{
	return asset->event && strcmp(asset->event->id, event) == 0 &&
	       strcmp(asset->alarm.event_id, event) == 0;
}

static mw_err follow(struct mw_asset *asset, mw_err err)
{
	if (err)
		return err;
	asset->event->state = asset->alarm.state;
	asset->event->sequence = asset->alarm.sequence;
	asset->event->updated_ns = asset->last_row_ns;
	return MW_E_OK;
}

mw_err mw_asset_ack(struct mw_asset *asset)
{
	return asset->event ? follow(asset, mw_alarm_ack(&asset->alarm)) : MW_E_INVAL;
}

mw_err mw_asset_shelve(struct mw_asset *asset, int64_t for_ns)
{
	if (!asset->event || for_ns <= 0)
		return MW_E_INVAL;
	return follow(asset, mw_alarm_shelve(&asset->alarm, asset->last_row_ns + for_ns));
}

mw_err mw_asset_unshelve(struct mw_asset *asset)
{
	return asset->event ? follow(asset, mw_alarm_unshelve(&asset->alarm)) : MW_E_INVAL;
}

int64_t mw_asset_last_row_ns(const struct mw_asset *asset)
{
	return asset->last_row_ns;
}

const struct mw_outcome *mw_asset_outcome(const struct mw_asset *asset)
{
	return asset->watched.phase == MW_PHASE_WATCHING ? &asset->watched : NULL;
}

int64_t mw_asset_learn_rows(const struct mw_asset *asset)
{
	return asset->opts.learn_rows;
}
