/* pipeline_impl.h -- the inside of struct mw_pipeline, shared by pipeline*.c. */
#ifndef MW_APP_PIPELINE_IMPL_H
#define MW_APP_PIPELINE_IMPL_H

#include "gateway/app/command_queue.h"
#include "gateway/app/pipeline.h"
#include "gateway/base/log.h"

#include <pthread.h>

#define LOG_LIMITS   256 /* topics whose malformed payloads are logged apart; hashed */
#define AHEAD_ASSETS 64  /* saved alone since the last snapshot; one more takes another one */

struct round; /* of commands */

/* An asset whose state was saved alone, after the last snapshot. */
struct ahead {
	char asset[MW_NAME_SIZE];
	struct mw_spool_cursor cursor; /* what the spool has before it is in the state */
};

struct mw_pipeline {
	struct mw_pipeline_opts opts;
	struct mw_fleet *fleet;
	struct mw_instance **decoder; /* one per source of the configuration */
	struct mw_spool_cursor cursor;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	bool in_transaction, failed; /* of the batch at work */
	int64_t snapshot_mono_ns;
	struct mw_spool_cursor saved; /* of the last snapshot */
	struct ahead ahead[AHEAD_ASSETS];
	size_t n_ahead;
	struct mw_log_limit limit[LOG_LIMITS];
	struct mw_pipeline_stats stats;
	struct mw_command_queue *commands;
	struct round *round;
};

/* --- pipeline_assets.c: who sends, what it is ------------------------------------------------- */
/* The asset of that name, made by the configuration if it is new; NULL when it is refused. */
struct mw_asset *pipeline_asset(struct mw_pipeline *p, const char *name,
				const struct mw_conf_source *source);
/* Options of an asset of that name by the configuration. */
void pipeline_asset_opts(const struct mw_pipeline *p, const char *name,
			 const struct mw_conf_source *source, struct mw_asset_opts *ret_opts);

/* --- pipeline_events.c: what comes of the windows --------------------------------------------- */
void pipeline_on_outcome(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome);
void pipeline_find_similar(void *ctx, const struct mw_event *event,
			   const struct mw_embedding *embedding,
			   struct mw_similar_list *ret_similar);
void pipeline_on_event(void *ctx, struct mw_asset *asset, const struct mw_event *event,
		       const struct mw_event_window *window, enum mw_transition transition);
/* One transition with its messages; `present`: it is the asset's alarm now, not an older one. */
mw_err pipeline_put_event(struct mw_pipeline *p, const struct mw_event *event,
			  const struct mw_event_window *window, enum mw_transition transition,
			  const char *who, bool present, bool *ret_new);
/* Ends the batch's transaction, if one was begun; MW_E_OK with nothing to do. */
mw_err pipeline_commit(struct mw_pipeline *p);

/* --- pipeline_state.c: snapshots -------------------------------------------------------------- */
mw_err pipeline_new_fleet(struct mw_pipeline *p);
mw_err pipeline_snapshot(struct mw_pipeline *p);
/* One asset's state alone, inside a transaction that is open: what it costs does not depend on how many
 * there are. */
mw_err pipeline_save_one(struct mw_pipeline *p, const struct mw_asset *asset);
/* Is a record that ends there in the asset's state already?  Read again after a restore, it is not taken
 * twice. */
bool pipeline_has_taken(const struct mw_pipeline *p, const char *asset, struct mw_spool_cursor end);
mw_err pipeline_restore(struct mw_pipeline *p);

/* --- pipeline_commands.c: what operators want ------------------------------------------------- */
mw_err pipeline_new_commands(struct mw_pipeline *p);
void pipeline_free_commands(struct mw_pipeline *p);
/* Carries out a round of those that wait; an error means: go back to the last snapshot. */
mw_err pipeline_do_commands(struct mw_pipeline *p, size_t *ret_n);

#endif
