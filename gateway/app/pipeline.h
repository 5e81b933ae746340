/*
 * pipeline.h -- the daemon's one working thread: spool records -> samples -> windows -> verdicts ->
 * events, written to the store together with their outbox rows.
 *
 * Crash safety: asset states and the spool cursor are saved together, in one transaction, every
 * store.snapshot.  After a crash (or a failed write) the pipeline goes back to the last snapshot
 * and reads the spool again from its cursor; events made a second time have the same id and
 * sequence, and the store ignores them.  An asset that an operator's command changes is saved alone,
 * with a cursor of its own: what the spool has before that is not fed to it again.
 */
#ifndef MW_APP_PIPELINE_H
#define MW_APP_PIPELINE_H

#include "gateway/app/board.h"
#include "gateway/app/fleet.h"
#include "gateway/core/command.h"
#include "gateway/io/mqtt.h"
#include "gateway/io/plugin_host.h"
#include "gateway/io/spool.h"
#include "gateway/io/store.h"

#include <stdatomic.h>

struct mw_pipeline;

struct mw_pipeline_opts { /* all borrowed */
	const struct mw_config *config;
	struct mw_spool *spool;
	struct mw_store *store;
	struct mw_inference *inference;
	struct mw_text_model *explainer; /* NULL: none */
	const struct mw_fault_library *library;
	struct mw_plugin_host *plugins;
	struct mw_board *board; /* NULL = nobody asks */
	/* After events were committed: the outbox has work.  Any thread of ours. */
	void (*on_committed)(void *ctx);
	/* A window's score, only if alarm.scores.  Payload lent. */
	void (*on_score)(void *ctx, const char *asset, const char *json);
	void *ctx;
};

/* Counters for people and metrics; written by the pipeline, read by anyone. */
struct mw_pipeline_stats {
	_Atomic uint64_t records, malformed, bad_topics, retained_ignored, samples, samples_dropped,
	    assets, assets_refused, windows, events, store_failures, restored, commands,
	    commands_refused;
	_Atomic uint64_t tokens, tokens_busy_ns;
};

MW_MUST_CHECK mw_err mw_pipeline_new(const struct mw_pipeline_opts *opts, char *why,
				     size_t why_size, struct mw_pipeline **ret_pipeline);
/* Restores the last snapshot, then starts the thread. */
MW_MUST_CHECK mw_err mw_pipeline_start(struct mw_pipeline *pipeline, char *why, size_t why_size);
/* Reads what is in the spool's reach, takes a last snapshot, ends the thread, frees. */
void mw_pipeline_free(struct mw_pipeline *pipeline);

/* Hands in an operator's command; `done` is called once when it is on the disk or refused (between two
 * batches), unless an error is returned: FULL or AGAIN (the daemon ends).  Any thread. */
MW_MUST_CHECK mw_err mw_pipeline_command(struct mw_pipeline *pipeline,
					 const struct mw_command *command, mw_command_done *done,
					 void *ctx);

const struct mw_pipeline_stats *mw_pipeline_stats(const struct mw_pipeline *pipeline);

#endif
