#include "gateway/app/pipeline_impl.h"

#include "gateway/base/clock.h"
#include "gateway/io/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything that one batch of records causes is one transaction. */
static bool begin(struct mw_pipeline *p)
{
	if (p->failed)
		return false;
	if (!p->in_transaction && mw_store_begin(p->opts.store) != MW_E_OK)
		p->failed = true;
	else
		p->in_transaction = true;
	return !p->failed;
}

mw_err pipeline_commit(struct mw_pipeline *p)
{
	if (!p->in_transaction)
		return MW_E_OK;
	p->in_transaction = false;
	if (mw_store_commit(p->opts.store) != MW_E_OK) {
		mw_store_rollback(p->opts.store);
		return MW_E_IO;
	}
	if (p->opts.on_committed)
		p->opts.on_committed(p->opts.ctx);
	return MW_E_OK;
}

/* --- baselines and scores
 * ------------------------------------------------------------------------- */

static mw_err put_asset(struct mw_pipeline *p, const struct mw_asset *asset)
{
	const struct mw_assembler *assembler = mw_asset_assembler(asset);
	struct mw_store_channel channel[MW_MAX_CHANNELS];
	size_t n = mw_assembler_n_channels(assembler);

	for (size_t c = 0; c < n; c++)
		channel[c] = (struct mw_store_channel){mw_assembler_name(assembler, c),
						       mw_assembler_unit(assembler, c),
						       mw_asset_role(asset, c)};
	return mw_store_asset_put(p->opts.store, mw_asset_name(asset), mw_asset_machine(asset),
				  mw_assembler_period(assembler), channel, n);
}

static void store_baseline(struct mw_pipeline *p, const struct mw_asset *asset, int64_t made_ns)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int64_t version = 0;

	if (!begin(p))
		return;
	if (put_asset(p, asset) != MW_E_OK ||
	    mw_baseline_pack(mw_asset_baseline(asset), &data, &size) != MW_E_OK ||
	    mw_store_baseline_put(p->opts.store, mw_asset_name(asset), made_ns, data, size,
				  &version) != MW_E_OK)
		p->failed = true;
	free(data);
	if (!p->failed)
		mw_log(MW_LOG_INFO, "asset.watching", "asset=\"%s\" baseline=%lld channels=%zu",
		       mw_asset_name(asset), (long long)version,
		       mw_baseline_n_channels(mw_asset_baseline(asset)));
}

static void publish_score(struct mw_pipeline *p, const struct mw_asset *asset,
			  const struct mw_outcome *outcome)
{
	struct mw_json *json = mw_json_object();
	char time[32];
	char *text;

	mw_json_text(json, "schema", "millwright.score/1");
	mw_json_text(json, "asset", mw_asset_name(asset));
	mw_json_text(json, "time", mw_clock_iso(outcome->window_end_ns, time, sizeof(time)));
	mw_json_text(json, "verdict", mw_verdict_text(outcome->verdict));
	mw_json_number(json, "score", outcome->judgement.score);
	mw_json_number(json, "p_value", outcome->judgement.p_value);
	if (mw_json_finish(json, &text) != MW_E_OK)
		return;
	p->opts.on_score(p->opts.ctx, mw_asset_name(asset), text);
	free(text);
}

void pipeline_on_outcome(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome)
{
	struct mw_pipeline *p = ctx;

	if (outcome->learnt)
		store_baseline(p, asset, outcome->window_end_ns);
	if (outcome->phase == MW_PHASE_WATCHING && p->opts.config->alarm.scores && p->opts.on_score)
		publish_score(p, asset, outcome);
}

/* --- events
 * --------------------------------------------------------------------------------------- */

static mw_err put_message(struct mw_pipeline *p, const struct mw_event *event, const char *kind,
			  const char *payload, bool retained)
{
	char topic[512];
	char key[64];

	(void)snprintf(key, sizeof(key), "%s/%u/%s", event->id, event->sequence, kind);
	if ((size_t)snprintf(topic, sizeof(topic), "%s/%s/%s", p->opts.config->mqtt.prefix, kind,
			     event->asset) >= sizeof(topic))
		return MW_E_FULL;
	return mw_store_outbox_put(p->opts.store, key, topic, payload, strlen(payload), 1,
				   retained);
}

mw_err pipeline_put_event(struct mw_pipeline *p, const struct mw_event *event,
			  const struct mw_event_window *window, enum mw_transition transition,
			  const char *who, bool present, bool *ret_new)
{
	char *payload = NULL;
	mw_err err = mw_store_event_put(p->opts.store, event, window, transition, who, ret_new);

	if (err || !*ret_new)
		return err;
	err = mw_json_alert(event, transition, p->opts.config->gateway.name, &payload);
	if (!err)
		err = put_message(p, event, "alert", payload, false);
	if (!err && present)
		err = put_message(p, event, "alarm", payload, true);
	free(payload);
	return err;
}

void pipeline_find_similar(void *ctx, const struct mw_event *event,
			   const struct mw_embedding *embedding,
			   struct mw_similar_list *ret_similar)
{
	struct mw_pipeline *p = ctx;

	if (begin(p) && mw_store_similar(p->opts.store, event, embedding, ret_similar) != MW_E_OK)
		p->failed = true;
}

void pipeline_on_event(void *ctx, struct mw_asset *asset, const struct mw_event *event,
		       const struct mw_event_window *window, enum mw_transition transition)
{
	struct mw_pipeline *p = ctx;
	bool is_new = false;

	if (!begin(p))
		return;
	(void)asset;
	if (pipeline_put_event(p, event, window, transition, "millwright", true, &is_new) !=
	    MW_E_OK) {
		p->failed = true;
		return;
	}
	if (!is_new)
		return;
	p->stats.events += transition == MW_TRANSITION_RAISED;
	mw_log(MW_LOG_INFO, "alarm", "id=%s asset=\"%s\" transition=%s fault=%s severity=%u",
	       event->id, event->asset, mw_transition_text(transition), mw_fault_code(event->fault),
	       event->severity);
}
