#include "gateway/app/pipeline_impl.h"

#include "gateway/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS 512
#define IDLE_WAIT_NS  (100 * MW_NS_PER_MS)
#define RETRY_WAIT_NS (1 * MW_NS_PER_S)
#define MINUTE_NS     (60 * MW_NS_PER_S)

/* --- one record ------------------------------------------------------------------------------- */

/* What the decoder's samples need to find their asset and channel. */
struct feed {
	struct mw_pipeline *p;
	const struct mw_spool_record *record;
	const struct mw_conf_source *source;
	struct mw_asset *asset; /* from the first sample on: garbage makes no asset */
	bool refused;
	char name[MW_NAME_SIZE];    /* the asset's */
	char channel[MW_NAME_SIZE]; /* from the topic; "" = the tag alone */
};

/* "flow" from the topic, "flow.min" with a tag, "min" when the topic names no channel. */
static bool channel_name(const struct feed *feed, struct mw_str tag, char *ret, size_t size)
{
	size_t head = strlen(feed->channel);
	size_t dot = head > 0 && tag.len > 0 ? 1 : 0;

	if (head + dot + tag.len >= size || head + tag.len == 0)
		return false;
	memcpy(ret, feed->channel, head);
	if (dot)
		ret[head] = '.';
	if (tag.len > 0)
		memcpy(ret + head + dot, tag.ptr, tag.len);
	ret[head + dot + tag.len] = '\0';
	return true;
}

static bool find_asset(struct feed *feed)
{
	if (!feed->asset && !feed->refused) {
		feed->asset = pipeline_asset(feed->p, feed->name, feed->source);
		feed->refused = !feed->asset;
	}
	return feed->asset != NULL;
}

static void take_sample(void *ctx, const struct mw_sample *sample)
{
	struct feed *feed = ctx;
	struct mw_pipeline *p = feed->p;
	int64_t time_ns = sample->time_ns ? sample->time_ns : feed->record->arrival_ns;
	char name[MW_NAME_SIZE];
	enum mw_sample_fate fate = MW_FATE_BAD;

	if (feed->record->retained && sample->time_ns == 0) {
		p->stats.retained_ignored++; /* an old value whose time nobody knows */
		return;
	}
	if (!find_asset(feed))
		return;
	if (channel_name(feed, sample->tag, name, sizeof(name)))
		fate = mw_asset_push(feed->asset, (struct mw_str){name, strlen(name)}, time_ns,
				     sample->value, sample->quality, feed->record->arrival_ns);
	p->stats.samples++;
	if (fate != MW_FATE_TAKEN)
		p->stats.samples_dropped++;
}

static struct mw_log_limit *limit_of(struct mw_pipeline *p, struct mw_str topic)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < topic.len; i++)
		hash = (hash ^ (uint8_t)topic.ptr[i]) * 16777619u;
	return &p->limit[hash % LOG_LIMITS];
}

static void complain(struct mw_pipeline *p, const struct mw_spool_record *record, const char *msgid,
		     const char *why)
{
	uint64_t suppressed;

	if (mw_log_allow(limit_of(p, record->topic), record->arrival_ns, MINUTE_NS, &suppressed))
		mw_log(MW_LOG_WARN, msgid, "topic=\"%.*s\" size=%zu suppressed=%llu \"%s\"",
		       (int)(record->topic.len < 256 ? record->topic.len : 256), record->topic.ptr,
		       record->size, (unsigned long long)suppressed, why);
}

static void feed_record(struct mw_pipeline *p, const struct mw_spool_record *record)
{
	const struct mw_config *config = p->opts.config;
	const struct mw_conf_source *source;
	struct feed feed = {.p = p, .record = record};
	struct mw_decoded into = {.sample = take_sample, .ctx = &feed};
	mw_err err;

	p->stats.records++;
	if (record->source >= config->n_source)
		return; /* written under another configuration */
	source = feed.source = &config->source[record->source];
	if (mw_topic_expand(source->asset, record->topic, feed.name, sizeof(feed.name)) !=
		MW_E_OK ||
	    (source->channel[0] && mw_topic_expand(source->channel, record->topic, feed.channel,
						   sizeof(feed.channel)) != MW_E_OK)) {
		p->stats.bad_topics++;
		complain(p, record, "topic.unusable", "its levels do not name asset and channel");
		return;
	}
	if (pipeline_has_taken(p, feed.name, record->next))
		return;
	err = mw_instance_decode(p->decoder[record->source], record->topic, record->payload,
				 record->size, &into);
	if (err) {
		p->stats.malformed++;
		complain(p, record, "payload.malformed",
			 mw_instance_why(p->decoder[record->source]));
	}
	if (feed.refused)
		complain(p, record, "asset.refused", "gateway.max_assets is reached");
	if (feed.asset)
		mw_fleet_touch(p->fleet, feed.asset);
}

/* --- the loop --------------------------------------------------------------------------------- */

static size_t feed_batch(struct mw_pipeline *p)
{
	struct mw_spool_record record;
	size_t n = 0;

	while (n < BATCH_RECORDS && mw_spool_read(p->opts.spool, p->cursor, &record) == MW_E_OK) {
		feed_record(p, &record);
		p->cursor = record.next;
		n++;
	}
	return n;
}

static void note_work(struct mw_pipeline *p)
{
	struct mw_inference_stats stats;

	mw_inference_stats(p->opts.inference, &stats);
	p->stats.windows = stats.windows;
	p->stats.tokens = stats.positions + stats.words;
	p->stats.tokens_busy_ns = (uint64_t)stats.busy_ns;
	p->stats.assets = mw_fleet_size(p->fleet);
}

/* Reads a batch and commits what came of it; an error means: go back to the last snapshot. */
static mw_err work(struct mw_pipeline *p, size_t *ret_records)
{
	mw_err err;

	*ret_records = feed_batch(p);
	p->failed = false;
	err = mw_fleet_run(p->fleet);
	if (p->failed)
		err = MW_E_IO;
	if (err && p->in_transaction) {
		mw_store_rollback(p->opts.store);
		p->in_transaction = false;
	}
	if (!err)
		err = pipeline_commit(p);
	note_work(p);
	return err;
}

static void show(struct mw_pipeline *p)
{
	if (p->opts.board)
		mw_board_update(p->opts.board, p->fleet);
}

/* Commands, and what the API tells of the machines after them. */
static mw_err serve(struct mw_pipeline *p, size_t records)
{
	size_t n = 0;
	mw_err err = pipeline_do_commands(p, &n);

	if (!err && (n > 0 || records > 0))
		show(p);
	return err;
}

static mw_err snapshot_when_due(struct mw_pipeline *p)
{
	int64_t now = mw_clock_mono_ns();

	if (now - p->snapshot_mono_ns < p->opts.config->store.snapshot_ns)
		return MW_E_OK;
	p->snapshot_mono_ns = now;
	return pipeline_snapshot(p);
}

/* The store refused (disk full, say): nothing is lost, the spool still has it.  Start over from the
 * last snapshot until it works again. */
static void recover(struct mw_pipeline *p)
{
	p->stats.store_failures++;
	mw_log(MW_LOG_ERROR, "store.failed", "\"%s; going back to the last snapshot\"",
	       mw_store_why(p->opts.store));
	while (!atomic_load(&p->stop)) {
		mw_command_queue_refuse(p->commands, MW_E_IO, "the store refuses to write", false);
		mw_spool_wait(p->opts.spool, (struct mw_spool_cursor){UINT64_MAX, 0},
			      RETRY_WAIT_NS);
		if (pipeline_restore(p) == MW_E_OK)
			return;
	}
}

static void *pipeline_main(void *arg)
{
	struct mw_pipeline *p = arg;
	size_t n = 0;

	while (!atomic_load(&p->stop) || n > 0) {
		mw_err err = work(p, &n);

		if (!err)
			err = serve(p, n);
		if (!err)
			err = snapshot_when_due(p);
		if (err)
			recover(p);
		else if (n == 0 && !atomic_load(&p->stop))
			mw_spool_wait(p->opts.spool, p->cursor, IDLE_WAIT_NS);
		if (err && atomic_load(&p->stop))
			break;
	}
	mw_command_queue_refuse(p->commands, MW_E_AGAIN, "the daemon ends", true);
	if (pipeline_snapshot(p) != MW_E_OK)
		mw_log(MW_LOG_WARN, "snapshot.failed", "\"%s; the spool will be read again\"",
		       mw_store_why(p->opts.store));
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static mw_err make_decoders(struct mw_pipeline *p, char *why, size_t why_size)
{
	const struct mw_config *config = p->opts.config;
	const struct mw_plugin *plugin;
	mw_err err = MW_E_OK;

	p->decoder = calloc(config->n_source + 1, sizeof(struct mw_instance *));
	if (!p->decoder)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	for (size_t i = 0; i < config->n_source && !err; i++) {
		err = mw_plugin_load(p->opts.plugins, config->source[i].decoder, why, why_size,
				     &plugin);
		if (!err)
			err = mw_instance_new(p->opts.plugins, plugin,
					      config->source[i].decoder_config, why, why_size,
					      &p->decoder[i]);
	}
	return err;
}

mw_err mw_pipeline_new(const struct mw_pipeline_opts *opts, char *why, size_t why_size,
		       struct mw_pipeline **ret_pipeline)
{
	struct mw_pipeline *p = calloc(1, sizeof(*p));
	mw_err err;

	if (!p)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	p->opts = *opts;
	err = make_decoders(p, why, why_size);
	if (!err && (err = pipeline_new_commands(p)))
		(void)mw_why(err, why, why_size, "out of memory");
	if (!err && (err = pipeline_new_fleet(p)))
		(void)mw_why(err, why, why_size, "out of memory");
	if (err) {
		mw_pipeline_free(p);
		return err;
	}
	*ret_pipeline = p;
	return MW_E_OK;
}

mw_err mw_pipeline_start(struct mw_pipeline *p, char *why, size_t why_size)
{
	mw_err err = pipeline_restore(p);

	if (err)
		return mw_why(err, why, why_size, "restoring the last snapshot: %s",
			      mw_store_why(p->opts.store));
	p->snapshot_mono_ns = mw_clock_mono_ns();
	show(p);
	if (pthread_create(&p->thread, NULL, pipeline_main, p) != 0)
		return mw_why(MW_E_NOMEM, why, why_size, "no thread for the pipeline");
	p->running = true;
	return MW_E_OK;
}

void mw_pipeline_free(struct mw_pipeline *p)
{
	if (!p)
		return;
	if (p->running) {
		atomic_store(&p->stop, true);
		mw_spool_wake(p->opts.spool);
		(void)pthread_join(p->thread, NULL);
	}
	for (size_t i = 0; p->decoder && i < p->opts.config->n_source; i++)
		mw_instance_free(p->decoder[i]);
	free(p->decoder);
	pipeline_free_commands(p);
	mw_fleet_free(p->fleet);
	free(p);
}

const struct mw_pipeline_stats *mw_pipeline_stats(const struct mw_pipeline *p)
{
	return &p->stats;
}
