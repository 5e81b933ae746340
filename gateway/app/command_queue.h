/*
 * command_queue.h -- commands on their way to the pipeline: bounded, any thread puts, one takes.
 *
 * Every command that was put is answered once: by who took it, or by the queue when it is closed.
 */
#ifndef MW_APP_COMMAND_QUEUE_H
#define MW_APP_COMMAND_QUEUE_H

#include "gateway/core/command.h"

#define MW_COMMANDS_WAITING 64 /* past it a command is refused: FULL */

struct mw_waiting_command {
	struct mw_command command;
	mw_command_done *done;
	void *ctx;
};

struct mw_command_queue;

MW_MUST_CHECK mw_err mw_command_queue_new(struct mw_command_queue **ret_queue);
/* Closes and frees. */
void mw_command_queue_free(struct mw_command_queue *queue);

/* MW_E_FULL; MW_E_AGAIN: closed.  After an error done is not called. */
MW_MUST_CHECK mw_err mw_command_queue_put(struct mw_command_queue *queue,
					  const struct mw_command *command, mw_command_done *done,
					  void *ctx);
/* Takes up to max in order; how many. */
size_t mw_command_queue_take(struct mw_command_queue *queue, struct mw_waiting_command *ret,
			     size_t max);
/* Answers all that wait with err and why; with `close` nothing is let in any more. */
void mw_command_queue_refuse(struct mw_command_queue *queue, mw_err err, const char *why,
			     bool close);

/* Answers one command. */
void mw_command_answer(const struct mw_waiting_command *waiting, mw_err err, const char *why,
		       const struct mw_event *event);

#endif
