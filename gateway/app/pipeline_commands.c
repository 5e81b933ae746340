/* pipeline_commands.c -- what operators want, between two batches: each round of commands is one
 * transaction, with the state of the assets that it changes, so that a crash neither loses a command nor
 * reads the spool into a state that knows nothing of it. */
#include "gateway/app/pipeline_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND 16 /* commands of one transaction */

struct round {
	struct mw_waiting_command waiting[ROUND];
	mw_err err[ROUND];
	char why[ROUND][MW_COMMAND_WHY_SIZE];
	struct mw_event event[ROUND];
	size_t n;
};

static enum mw_transition transition_of(enum mw_command_kind kind)
{
	static const enum mw_transition transition[MW_N_COMMAND] = {
	    [MW_COMMAND_ACK] = MW_TRANSITION_ACKED,
	    [MW_COMMAND_SHELVE] = MW_TRANSITION_SHELVED,
	    [MW_COMMAND_UNSHELVE] = MW_TRANSITION_UNSHELVED,
	};

	return transition[kind];
}

/* --- one command ------------------------------------------------------------------------------ */

static mw_err change_alarm(struct mw_asset *asset, const struct mw_command *command)
{
	switch (command->kind) {
	case MW_COMMAND_ACK:
		return mw_asset_ack(asset);
	case MW_COMMAND_SHELVE:
		return mw_asset_shelve(asset, command->shelve_ns);
	case MW_COMMAND_UNSHELVE:
		return mw_asset_unshelve(asset);
	default:
		return MW_E_INVAL;
	}
}

/* An alarm that a newer one has replaced: only its being seen is still to be said. */
static mw_err change_history(const struct mw_asset *asset, const struct mw_command *command,
			     struct mw_event *event)
{
	if (command->kind != MW_COMMAND_ACK || event->state != MW_ALARM_UNACK_RETURNED)
		return MW_E_INVAL;
	event->state = MW_ALARM_NORMAL;
	event->sequence++;
	if (asset && mw_asset_last_row_ns(asset) > event->updated_ns)
		event->updated_ns = mw_asset_last_row_ns(asset);
	return MW_E_OK;
}

static mw_err refuse(const struct mw_command *command, const struct mw_event *event, bool present,
		     char *why)
{
	if (!present && command->kind != MW_COMMAND_ACK)
		return mw_why(MW_E_INVAL, why, MW_COMMAND_WHY_SIZE,
			      "it is not the machine's present alarm");
	return mw_why(MW_E_INVAL, why, MW_COMMAND_WHY_SIZE, "not possible while the alarm is %s",
		      mw_alarm_state_text(event->state));
}

static mw_err write_transition(struct mw_pipeline *p, const struct mw_command *command,
			       const struct mw_event *event, bool present)
{
	bool is_new = false;
	mw_err err = pipeline_put_event(p, event, NULL, transition_of(command->kind), command->who,
					present, &is_new);

	if (!err && !is_new)
		err = MW_E_INTERNAL;
	if (!err && command->note[0])
		err = mw_store_note_put(p->opts.store, event->id, event->sequence, command->note);
	return err;
}

static mw_err give_feedback(struct mw_pipeline *p, const struct mw_command *command)
{
	return mw_store_feedback_put(p->opts.store, command->event, command->feedback,
				     command->note, command->who);
}

/* *ret_event: the event after it.  An error that is not INVAL or NOTFOUND undoes the whole round. */
static mw_err apply(struct mw_pipeline *p, const struct mw_command *command, char *why,
		    struct mw_event *ret_event)
{
	mw_err err = mw_store_event_get(p->opts.store, command->event, ret_event, NULL);
	struct mw_asset *asset;
	bool present;

	if (err)
		return mw_why(err, why, MW_COMMAND_WHY_SIZE, "%s",
			      err == MW_E_NOTFOUND ? "no such event" : mw_store_why(p->opts.store));
	if (command->kind == MW_COMMAND_FEEDBACK)
		return give_feedback(p, command);
	asset = mw_fleet_find(p->fleet, ret_event->asset);
	present = asset && mw_asset_holds(asset, command->event);
	err = present ? change_alarm(asset, command) : change_history(asset, command, ret_event);
	if (err)
		return refuse(command, ret_event, present, why);
	if (present)
		*ret_event = *mw_asset_event(asset);
	err = write_transition(p, command, ret_event, present);
	if (!err && present)
		err = pipeline_save_one(p, asset);
	return err ? mw_why(MW_E_IO, why, MW_COMMAND_WHY_SIZE, "%s", mw_store_why(p->opts.store))
		   : MW_E_OK;
}

/* --- a round ---------------------------------------------------------------------------------- */

static bool is_refusal(mw_err err)
{
	return err == MW_E_INVAL || err == MW_E_NOTFOUND;
}

static mw_err apply_all(struct mw_pipeline *p, struct round *round)
{
	for (size_t i = 0; i < round->n; i++) {
		round->err[i] =
		    apply(p, &round->waiting[i].command, round->why[i], &round->event[i]);
		if (round->err[i] && !is_refusal(round->err[i]))
			return round->err[i];
	}
	return MW_E_OK;
}

static void log_command(const struct mw_command *command, const char *outcome)
{
	mw_log(MW_LOG_INFO, "command", "command=%s event=%s who=\"%s\" \"%s\"",
	       mw_command_text(command->kind), command->event, command->who, outcome);
}

static void answer_all(struct mw_pipeline *p, const struct round *round, mw_err err)
{
	for (size_t i = 0; i < round->n; i++) {
		mw_err own = err ? MW_E_IO : round->err[i];
		const char *why = err ? "the store refuses to write" : round->why[i];

		if (own)
			p->stats.commands_refused++;
		else
			p->stats.commands++;
		log_command(&round->waiting[i].command, own ? why : "done");
		mw_command_answer(&round->waiting[i], own, why, own ? NULL : &round->event[i]);
	}
}

static mw_err do_round(struct mw_pipeline *p, struct round *round)
{
	mw_err err = mw_store_begin(p->opts.store);

	if (!err) {
		err = apply_all(p, round);
		err = err ? err : mw_store_commit(p->opts.store);
	}
	if (err)
		mw_store_rollback(p->opts.store);
	answer_all(p, round, err);
	if (!err && p->opts.on_committed)
		p->opts.on_committed(p->opts.ctx);
	return err;
}

mw_err pipeline_do_commands(struct mw_pipeline *p, size_t *ret_n)
{
	struct round *round = p->round;
	mw_err err = MW_E_OK;

	round->n = mw_command_queue_take(p->commands, round->waiting, ROUND);
	*ret_n = round->n;
	memset(round->err, 0, sizeof(round->err));
	memset(round->why, 0, sizeof(round->why));
	if (round->n > 0)
		err = do_round(p, round);
	return err;
}

mw_err pipeline_new_commands(struct mw_pipeline *p)
{
	p->round = calloc(1, sizeof(*p->round));
	return p->round ? mw_command_queue_new(&p->commands) : MW_E_NOMEM;
}

void pipeline_free_commands(struct mw_pipeline *p)
{
	mw_command_queue_free(p->commands);
	free(p->round);
}

mw_err mw_pipeline_command(struct mw_pipeline *p, const struct mw_command *command,
			   mw_command_done *done, void *ctx)
{
	mw_err err = mw_command_queue_put(p->commands, command, done, ctx);

	if (!err)
		mw_spool_wake(p->opts.spool);
	return err;
}
