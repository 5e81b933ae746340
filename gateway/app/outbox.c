#include "gateway/app/outbox.h"

#include "gateway/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

#define IN_FLIGHT_MAX 16
#define ACK_WAIT_NS   (30 * MW_NS_PER_S) /* then it is offered again: a duplicate, not a loss */
#define IDLE_WAIT_NS  (1 * MW_NS_PER_S)

struct flight {
	int64_t row; /* 0 = free */
	int64_t sent_ns;
	bool acked, failed;
};

struct mw_outbox {
	struct mw_store *store;
	struct mw_mqtt *mqtt;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool running, stop, woken;
	struct flight flight[IN_FLIGHT_MAX];
};

mw_err mw_outbox_new(struct mw_store *store, struct mw_outbox **ret_outbox)
{
	struct mw_outbox *outbox = calloc(1, sizeof(*outbox));
	pthread_condattr_t attr;

	if (!outbox)
		return MW_E_NOMEM;
	outbox->store = store;
	(void)pthread_mutex_init(&outbox->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&outbox->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	*ret_outbox = outbox;
	return MW_E_OK;
}

void mw_outbox_free(struct mw_outbox *outbox)
{
	if (!outbox)
		return;
	(void)pthread_cond_destroy(&outbox->changed);
	(void)pthread_mutex_destroy(&outbox->lock);
	free(outbox);
}

void mw_outbox_wake(struct mw_outbox *outbox)
{
	(void)pthread_mutex_lock(&outbox->lock);
	outbox->woken = true;
	(void)pthread_cond_signal(&outbox->changed);
	(void)pthread_mutex_unlock(&outbox->lock);
}

void mw_outbox_delivered(struct mw_outbox *outbox, uint64_t tag, bool ok)
{
	(void)pthread_mutex_lock(&outbox->lock);
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
		if (outbox->flight[i].row != (int64_t)tag)
			continue;
		outbox->flight[i].acked = ok;
		outbox->flight[i].failed = !ok;
	}
	outbox->woken = true;
	(void)pthread_cond_signal(&outbox->changed);
	(void)pthread_mutex_unlock(&outbox->lock);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Takes one finished message out of the table; 0 when there is none. */
static int64_t take_acked(struct mw_outbox *outbox, int64_t now_ns)
{
	int64_t row = 0;

	(void)pthread_mutex_lock(&outbox->lock);
	for (size_t i = 0; i < IN_FLIGHT_MAX && row == 0; i++) {
		struct flight *flight = &outbox->flight[i];

		if (flight->row == 0)
			continue;
		if (flight->acked)
			row = flight->row;
		if (flight->acked || flight->failed || now_ns - flight->sent_ns > ACK_WAIT_NS)
			*flight = (struct flight){0};
	}
	(void)pthread_mutex_unlock(&outbox->lock);
	return row;
}

static void remove_acked(struct mw_outbox *outbox)
{
	int64_t now_ns = mw_clock_mono_ns();
	int64_t row;

	while ((row = take_acked(outbox, now_ns)) != 0)
		if (mw_store_outbox_done(outbox->store, row) != MW_E_OK)
			return; /* it stays, and is sent again */
}

/* Enters a row into the table before it is sent, so that its PUBACK finds it. */
static bool enter(struct mw_outbox *outbox, int64_t row)
{
	struct flight *free_place = NULL;
	bool known = false;

	(void)pthread_mutex_lock(&outbox->lock);
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
		known = known || outbox->flight[i].row == row;
		if (outbox->flight[i].row == 0 && !free_place)
			free_place = &outbox->flight[i];
	}
	if (!known && free_place)
		*free_place = (struct flight){.row = row, .sent_ns = mw_clock_mono_ns()};
	(void)pthread_mutex_unlock(&outbox->lock);
	return !known && free_place;
}

static bool table_full(struct mw_outbox *outbox)
{
	size_t used = 0;

	(void)pthread_mutex_lock(&outbox->lock);
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
		used += outbox->flight[i].row != 0;
	(void)pthread_mutex_unlock(&outbox->lock);
	return used == IN_FLIGHT_MAX;
}

static bool send_row(struct mw_outbox *outbox, const struct mw_outbox_row *row)
{
	struct mw_mqtt_message message = {.topic = row->topic,
					  .payload = row->payload,
					  .size = row->size,
					  .qos = row->qos,
					  .retained = row->retained,
					  .content_type = "application/json"};

	if (!enter(outbox, row->row))
		return true; /* on its way already */
	if (mw_mqtt_publish(outbox->mqtt, &message, (uint64_t)row->row) == MW_E_OK)
		return true;
	mw_outbox_delivered(outbox, (uint64_t)row->row, false);
	return false;
}

static void send_pending(struct mw_outbox *outbox)
{
	struct mw_outbox_row row;
	int64_t after = 0;
	bool sent = true;

	while (sent && !table_full(outbox) && mw_mqtt_connected(outbox->mqtt) &&
	       mw_store_outbox_next(outbox->store, after, &row) == MW_E_OK) {
		after = row.row;
		sent = send_row(outbox, &row);
		free(row.payload);
	}
}

/* Waits for work; false when it is time to end. */
static bool wait_for_work(struct mw_outbox *outbox)
{
	int64_t until_ns = mw_clock_mono_ns() + IDLE_WAIT_NS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / MW_NS_PER_S),
				 .tv_nsec = (long)(until_ns % MW_NS_PER_S)};
	bool go_on;
	int waited = 0;

	(void)pthread_mutex_lock(&outbox->lock);
	while (!outbox->woken && !outbox->stop && waited == 0)
		waited = pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until);
	outbox->woken = false;
	go_on = !outbox->stop;
	(void)pthread_mutex_unlock(&outbox->lock);
	return go_on;
}

static void *outbox_main(void *arg)
{
	struct mw_outbox *outbox = arg;

	do {
		remove_acked(outbox);
		send_pending(outbox);
	} while (wait_for_work(outbox));
	remove_acked(outbox);
	return NULL;
}

mw_err mw_outbox_start(struct mw_outbox *outbox, struct mw_mqtt *mqtt)
{
	outbox->mqtt = mqtt;
	if (pthread_create(&outbox->thread, NULL, outbox_main, outbox) != 0)
		return MW_E_NOMEM;
	outbox->running = true;
	return MW_E_OK;
}

void mw_outbox_stop(struct mw_outbox *outbox, int64_t timeout_ns)
{
	const struct timespec pause = {.tv_nsec = 20 * MW_NS_PER_MS};
	int64_t until_ns = mw_clock_mono_ns() + timeout_ns;
	int64_t left = 1;

	if (!outbox->running)
		return;
	while (mw_clock_mono_ns() < until_ns && mw_mqtt_connected(outbox->mqtt) &&
	       mw_store_outbox_count(outbox->store, &left) == MW_E_OK && left > 0) {
		mw_outbox_wake(outbox);
		(void)nanosleep(&pause, NULL);
	}
	(void)pthread_mutex_lock(&outbox->lock);
	outbox->stop = true;
	(void)pthread_cond_signal(&outbox->changed);
	(void)pthread_mutex_unlock(&outbox->lock);
	(void)pthread_join(outbox->thread, NULL);
	outbox->running = false;
}
