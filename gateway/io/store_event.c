/* Writing events: one transition is one step of several statements. */
#include "gateway/io/store_impl.h"

#include <stdlib.h>
#include <string.h>

static mw_err put_event(struct mw_store *store, const struct mw_event *e)
{
	/* An older transition that arrives late is logged but does not turn the event back. */
	static const char sql[] =
	    "INSERT INTO event(id, asset, machine, verdict, fault, severity, score, p_value,"
	    " fault_probability, onset_ns, onset_before_window, raised_ns, updated_ns,"
	    " cleared_ns, state, sequence, language, form, explanation, cause, \"check\", model,"
	    " window_from_ns, window_to_ns, period_ns, other_channels, other_level)"
	    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,"
	    "?21,?22,?23,?24,?25,?26,?27)"
	    " ON CONFLICT(id) DO UPDATE SET (machine, verdict, fault, severity, score, p_value,"
	    " fault_probability, onset_ns, onset_before_window, raised_ns, updated_ns,"
	    " cleared_ns, state, sequence, language, form, explanation, cause, \"check\", model,"
	    " window_from_ns, window_to_ns, period_ns, other_channels, other_level)"
	    " = (?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,"
	    "?24,?25,?26,?27) WHERE excluded.sequence >= event.sequence";

	return store_do(
	    store, sql, "tttttidddiiiiitittttttiiiid", e->id, e->asset, mw_machine_code(e->machine),
	    mw_verdict_text(e->verdict), mw_fault_code(e->fault), (int64_t)e->severity, e->score,
	    e->p_value, e->fault_probability, e->onset_ns, (int64_t)e->onset_before_window,
	    e->raised_ns, e->updated_ns, e->cleared_ns, mw_alarm_state_text(e->state),
	    (int64_t)e->sequence, mw_language_text(e->language), mw_text_form_text(e->form),
	    e->explanation, e->cause, e->check, e->model, e->window_from_ns, e->window_to_ns,
	    e->period_ns, (int64_t)e->others.n, e->others.level);
}

static mw_err put_channels(struct mw_store *store, int64_t row, const struct mw_event *event)
{
	mw_err err = store_do(store, "DELETE FROM event_channel WHERE event = ?1", "i", row);

	for (size_t i = 0; !err && i < event->n_channel; i++) {
		const struct mw_event_channel *channel = &event->channel[i];
		const struct mw_channel_finding *f = &channel->finding;
		char claims[MW_CLAIMS_TEXT_SIZE];

		err = store_do(store,
			       "INSERT INTO event_channel VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
			       "?11,?12,?13,?14,?15,?16,?17,?18)",
			       "iiittddddiiidddddt", row, (int64_t)i, (int64_t)f->channel,
			       channel->name, channel->unit, f->peak_value, f->expected,
			       f->deviation, f->strength, f->peak_time_ns, (int64_t)f->direction,
			       (int64_t)f->move, channel->claims.spread, channel->claims.step,
			       channel->claims.from, channel->claims.now, channel->claims.limit,
			       mw_claims_text(channel->claims.set, claims));
	}
	return err;
}

static mw_err put_citations(struct mw_store *store, int64_t row, const struct mw_event *event)
{
	mw_err err = store_do(store, "DELETE FROM event_citation WHERE event = ?1", "i", row);

	for (size_t i = 0; !err && i < event->n_citation; i++) {
		const struct mw_citation *citation = &event->citation[i];

		err = store_do(store, "INSERT INTO event_citation VALUES (?1,?2,?3,?4,?5,?6)",
			       "iiiitd", row, (int64_t)i, (int64_t)citation->from,
			       (int64_t)citation->to, citation->reference, citation->value);
	}
	return err;
}

static void put_le64(uint8_t *out, const double *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		memcpy(&bits, &value[i], sizeof(bits));
		for (size_t b = 0; b < 8; b++)
			out[8 * i + b] = (uint8_t)(bits >> (8 * b));
	}
}

static mw_err put_window(struct mw_store *store, int64_t row, const struct mw_event_window *window)
{
	size_t n, size;
	uint8_t *data;
	mw_err err;

	if (window->n_rows > MW_WINDOW_ROWS || window->n_channels > MW_EVENT_CHANNELS)
		return mw_why(MW_E_INVAL, store->why, sizeof(store->why),
			      "the window has too many rows or channels");
	n = window->n_rows * window->n_channels;
	size = 8 * n;
	data = malloc(2 * size + 1);
	if (!data)
		return mw_why(MW_E_NOMEM, store->why, sizeof(store->why), "out of memory");
	put_le64(data, window->value, n);
	put_le64(data + size, window->expected, n);
	err = store_do(store, "INSERT OR REPLACE INTO event_window VALUES (?1,?2,?3,?4,?5,?6,?7)",
		       "iiiiibb", row, (int64_t)window->n_rows, (int64_t)window->n_channels,
		       window->from_ns, window->period_ns, data, size, data + size, size);
	free(data);
	return err;
}

static mw_err put_similar(struct mw_store *store, int64_t row, const struct mw_event *event)
{
	mw_err err = store_do(store, "DELETE FROM event_similar WHERE event = ?1", "i", row);

	for (size_t i = 0; !err && i < event->similar.n; i++) {
		const struct mw_similar *similar = &event->similar.event[i];

		err = store_do(store, "INSERT INTO event_similar VALUES (?1,?2,?3,?4,?5,?6,?7)",
			       "iitidti", row, (int64_t)i, similar->id, similar->raised_ns,
			       similar->similarity, mw_fault_code(similar->fault),
			       (int64_t)similar->acknowledged);
	}
	return err;
}

static mw_err put_causes(struct mw_store *store, int64_t row, const struct mw_event *event)
{
	mw_err err = store_do(store, "UPDATE event SET site_fault = ?2 WHERE row = ?1", "it", row,
			      event->site_fault);

	if (!err)
		err = store_do(store, "DELETE FROM event_cause WHERE event = ?1", "i", row);
	for (size_t i = 0; !err && i < event->n_cause; i++) {
		const struct mw_event_cause *cause = &event->likely[i];

		err = store_do(
		    store, "INSERT INTO event_cause VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
		    "iittdittttt", row, (int64_t)i, cause->channel, cause->of, cause->probability,
		    (int64_t)cause->why, mw_fault_code(cause->fault), cause->site_fault,
		    cause->name, cause->cause, cause->check);
	}
	return err;
}

static mw_err put_embedding(struct mw_store *store, int64_t row, const char *model,
			    const struct mw_embedding *embedding)
{
	if (embedding->n == 0)
		return MW_E_OK;
	if (embedding->n > MW_EMBEDDING_MAX)
		return mw_why(MW_E_INVAL, store->why, sizeof(store->why),
			      "the embedding is too long");
	return store_do(store, "INSERT OR REPLACE INTO event_embedding VALUES (?1,?2,?3,?4)",
			"itdb", row, model, (double)embedding->scale,
			(const void *)embedding->value, (size_t)embedding->n);
}

static int64_t time_of(const struct mw_event *event, enum mw_transition transition)
{
	if (transition == MW_TRANSITION_CLEARED && event->cleared_ns > 0)
		return event->cleared_ns;
	return event->updated_ns > 0 ? event->updated_ns : event->raised_ns;
}

static mw_err put_log(struct mw_store *store, const struct mw_event *event,
		      enum mw_transition transition, const char *who)
{
	return store_do(store,
			"INSERT INTO alarm_log(event, sequence, transition, state, severity, score,"
			" p_value, at_ns, who) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
			"tittiddit", event->id, (int64_t)event->sequence,
			mw_transition_text(transition), mw_alarm_state_text(event->state),
			(int64_t)event->severity, event->score, event->p_value,
			time_of(event, transition), who ? who : "millwright");
}

static mw_err put_all(struct mw_store *store, const struct mw_event *event,
		      const struct mw_event_window *window, enum mw_transition transition,
		      const char *who)
{
	char judge[MW_EVENT_MODEL_SIZE];
	int64_t row = 0;
	mw_err err = store_do(store, "INSERT OR IGNORE INTO asset(name, machine) VALUES (?1, ?2)",
			      "tt", event->asset, mw_machine_code(event->machine));

	if (!err)
		err = put_event(store, event);
	if (!err)
		err = put_log(store, event, transition, who);
	if (!err)
		err = store_integer(store, &row,
				    "SELECT row FROM event WHERE id = ?1 AND sequence = ?2", "ti",
				    event->id, (int64_t)event->sequence);
	if (err == MW_E_NOTFOUND)
		return MW_E_OK; /* a late transition: the event is further on already */
	if (!err)
		err = put_channels(store, row, event);
	if (!err)
		err = put_citations(store, row, event);
	if (!err)
		err = put_similar(store, row, event);
	if (!err)
		err = put_causes(store, row, event);
	if (!err && window)
		err = put_window(store, row, window);
	if (!err && window)
		err = put_embedding(store, row, mw_event_judge(event, judge), &window->embedding);
	return err;
}

static mw_err put_if_new(struct mw_store *store, const struct mw_event *event,
			 const struct mw_event_window *window, enum mw_transition transition,
			 const char *who, bool *ret_new)
{
	int64_t there;
	mw_err err = store_integer(store, &there,
				   "SELECT 1 FROM alarm_log WHERE event = ?1 AND sequence = ?2",
				   "ti", event->id, (int64_t)event->sequence);

	if (err != MW_E_NOTFOUND) {
		if (!err)
			*ret_new = false;
		return err;
	}
	err = store_enter(store);
	if (!err)
		err = store_leave(store, put_all(store, event, window, transition, who));
	if (!err) {
		*ret_new = true;
		store_changed(store);
	}
	return err;
}

mw_err mw_store_event_put(struct mw_store *store, const struct mw_event *event,
			  const struct mw_event_window *window, enum mw_transition transition,
			  const char *who, bool *ret_new)
{
	mw_err err;

	if (event->n_channel > MW_EVENT_CHANNELS || event->n_citation > MW_MAX_CITATIONS ||
	    event->similar.n > MW_EVENT_SIMILAR || event->n_cause > MW_EVENT_CAUSES)
		return MW_E_INVAL;
	store_lock(store);
	err = put_if_new(store, event, window, transition, who, ret_new);
	store_unlock(store);
	return err;
}
