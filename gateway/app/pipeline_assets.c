#include "gateway/app/pipeline_impl.h"

#include <string.h>

static const struct mw_conf_asset *configured(const struct mw_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_asset; i++)
		if (strcmp(config->asset[i].name, name) == 0)
			return &config->asset[i];
	return NULL;
}

static enum mw_machine machine_of(const char *type)
{
	int code = type ? mw_machine_from_code(type) : -1;

	return code >= 0 ? (enum mw_machine)code : MW_MACHINE_OTHER;
}

void pipeline_asset_opts(const struct mw_pipeline *p, const char *name,
			 const struct mw_conf_source *source, struct mw_asset_opts *ret_opts)
{
	const struct mw_config *config = p->opts.config;
	const struct mw_conf_asset *known = configured(config, name);
	struct mw_asset_opts opts = {
	    .name = name,
	    .machine = machine_of(known    ? known->type
				  : source ? source->type
					   : "other"),
	    .assembler = {.period_ns = known ? known->period_ns : 0,
			  .lateness_ns = config->window.lateness_ns,
			  .hold_ns = config->window.hold_ns,
			  .future_ns = config->window.future_ns},
	    .learn_rows = config->window.learn_rows,
	    .language = config->gateway.language,
	    .alarm = {.p_raise = config->alarm.p_raise,
		      .per_day = config->alarm.per_day,
		      .on_windows = config->alarm.on_windows,
		      .off_windows = config->alarm.off_windows},
	    .model = mw_inference_name(p->opts.inference),
	};

	if (known)
		opts.profile = known->known;
	if (known && known->learn_rows > 0)
		opts.learn_rows = known->learn_rows;
	*ret_opts = opts;
}

static void add_channels(struct mw_asset *asset, const struct mw_conf_asset *known)
{
	for (size_t i = 0; known && i < known->n_channel; i++) {
		const struct mw_conf_channel *channel = &known->channel[i];
		int role = mw_role_from_code(channel->role);

		(void)mw_asset_channel(asset, channel->name, channel->unit,
				       role >= 0 ? (enum mw_role)role : MW_ROLE_OTHER);
	}
}

/* Names that nobody announced must not take the places of configured machines. */
static bool has_room(const struct mw_pipeline *p, const char *name)
{
	const struct mw_config *config = p->opts.config;
	size_t taken = mw_fleet_size(p->fleet), max = (size_t)config->gateway.max_assets;

	if (configured(config, name) || taken + config->n_asset < max)
		return taken < max;
	for (size_t i = 0; i < config->n_asset; i++)
		taken += mw_fleet_find(p->fleet, config->asset[i].name) == NULL;
	return taken < max;
}

struct mw_asset *pipeline_asset(struct mw_pipeline *p, const char *name,
				const struct mw_conf_source *source)
{
	struct mw_asset *asset = mw_fleet_find(p->fleet, name);
	struct mw_asset_opts opts;

	if (asset)
		return asset;
	pipeline_asset_opts(p, name, source, &opts);
	if (!has_room(p, name) || mw_fleet_add(p->fleet, &opts, &asset) != MW_E_OK) {
		p->stats.assets_refused++;
		return NULL;
	}
	add_channels(asset, configured(p->opts.config, name));
	mw_log(MW_LOG_INFO, "asset.new", "asset=\"%s\" type=%s learn_rows=%lld", name,
	       mw_machine_code(opts.machine), (long long)opts.learn_rows);
	return asset;
}
