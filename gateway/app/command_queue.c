#include "gateway/app/command_queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mw_command_queue {
	pthread_mutex_t lock;
	struct mw_waiting_command waiting[MW_COMMANDS_WAITING]; /* a ring */
	size_t first, n;
	bool closed;
};

mw_err mw_command_queue_new(struct mw_command_queue **ret_queue)
{
	struct mw_command_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return MW_E_NOMEM;
	(void)pthread_mutex_init(&queue->lock, NULL);
	*ret_queue = queue;
	return MW_E_OK;
}

void mw_command_queue_free(struct mw_command_queue *queue)
{
	if (!queue)
		return;
	mw_command_queue_refuse(queue, MW_E_AGAIN, "the daemon ends", true);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
}

mw_err mw_command_queue_put(struct mw_command_queue *queue, const struct mw_command *command,
			    mw_command_done *done, void *ctx)
{
	mw_err err = MW_E_OK;

	(void)pthread_mutex_lock(&queue->lock);
	if (queue->closed) {
		err = MW_E_AGAIN;
	} else if (queue->n == MW_COMMANDS_WAITING) {
		err = MW_E_FULL;
	} else {
		size_t at = (queue->first + queue->n++) % MW_COMMANDS_WAITING;

		queue->waiting[at] = (struct mw_waiting_command){*command, done, ctx};
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return err;
}

size_t mw_command_queue_take(struct mw_command_queue *queue, struct mw_waiting_command *ret,
			     size_t max)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&queue->lock);
	while (n < max && queue->n > 0) {
		ret[n++] = queue->waiting[queue->first];
		queue->first = (queue->first + 1) % MW_COMMANDS_WAITING;
		queue->n--;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return n;
}

void mw_command_queue_refuse(struct mw_command_queue *queue, mw_err err, const char *why,
			     bool close)
{
	struct mw_waiting_command waiting;

	(void)pthread_mutex_lock(&queue->lock);
	queue->closed = queue->closed || close;
	(void)pthread_mutex_unlock(&queue->lock);
	while (mw_command_queue_take(queue, &waiting, 1) > 0)
		mw_command_answer(&waiting, err, why, NULL);
}

void mw_command_answer(const struct mw_waiting_command *waiting, mw_err err, const char *why,
		       const struct mw_event *event)
{
	struct mw_command_result result = {.err = err, .kind = waiting->command.kind};

	memcpy(result.event, waiting->command.event, sizeof(result.event));
	(void)snprintf(result.why, sizeof(result.why), "%s", err && why ? why : "");
	if (event) {
		result.state = event->state;
		result.sequence = event->sequence;
	}
	waiting->done(waiting->ctx, &result);
}
