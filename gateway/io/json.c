#include "gateway/io/json.h"

#include "gateway/base/utf8.h"
#include "gateway/io/when.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERT_SCHEMA "millwright.alert/1"
#define EVENT_SCHEMA "millwright.event/1"
#define DUMP_FLAGS   (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* --- a small object --------------------------------------------------------------------------- */

struct mw_json {
	json_t *root;
	mw_err err; /* the first failure */
};

struct mw_json *mw_json_object(void)
{
	struct mw_json *object = calloc(1, sizeof(*object));

	if (object && !(object->root = json_object()))
		object->err = MW_E_NOMEM;
	return object;
}

void mw_json_free(struct mw_json *object)
{
	if (!object)
		return;
	json_decref(object->root);
	free(object);
}

static void set(struct mw_json *object, const char *key, json_t *value)
{
	if (object && object->root && json_object_set_new(object->root, key, value) == 0)
		return;
	if (!object || !object->root)
		json_decref(value);
	if (object && !object->err)
		object->err = MW_E_NOMEM;
}

static json_t *text_value(const char *text, size_t size)
{
	json_t *value = json_stringn(text, size);
	char *copy;
	uint32_t code;

	if (value || !(copy = strndup(text, size)))
		return value;
	/* Byte for byte, so that citations still point at what they cite. */
	for (size_t i = 0, n; i < size; i += n) {
		n = mw_utf8_decode(copy + i, size - i, &code);
		if (n == 0) {
			copy[i] = '?';
			n = 1;
		}
	}
	value = json_stringn(copy, size);
	free(copy);
	return value;
}

static json_t *number_value(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *time_value(int64_t time_ns)
{
	char buf[MW_WHEN_SIZE];

	return time_ns == 0 ? json_null() : json_string(mw_when_iso(time_ns, buf, sizeof(buf)));
}

void mw_json_text(struct mw_json *object, const char *key, const char *value)
{
	set(object, key, text_value(value, strlen(value)));
}

void mw_json_number(struct mw_json *object, const char *key, double value)
{
	set(object, key, number_value(value));
}

void mw_json_integer(struct mw_json *object, const char *key, int64_t value)
{
	set(object, key, json_integer(value));
}

void mw_json_bool(struct mw_json *object, const char *key, bool value)
{
	set(object, key, json_boolean(value));
}

void mw_json_null(struct mw_json *object, const char *key)
{
	set(object, key, json_null());
}

/* Unwraps a child; its failure becomes the object's. */
static json_t *take(struct mw_json *object, struct mw_json *child)
{
	json_t *root = child ? json_incref(child->root) : NULL;

	if (object && !object->err && (!child || child->err))
		object->err = child ? child->err : MW_E_NOMEM;
	mw_json_free(child);
	return root;
}

void mw_json_child(struct mw_json *object, const char *key, struct mw_json *child)
{
	json_t *root = take(object, child);

	if (root)
		set(object, key, root);
}

void mw_json_array(struct mw_json *object, const char *key)
{
	set(object, key, json_array());
}

void mw_json_append(struct mw_json *object, const char *key, struct mw_json *item)
{
	json_t *root = take(object, item);

	if (!object || !root) {
		json_decref(root);
		return;
	}
	if (!json_object_get(object->root, key))
		set(object, key, json_array());
	if (json_array_append_new(json_object_get(object->root, key), root) != 0 && !object->err)
		object->err = MW_E_NOMEM;
}

void mw_json_append_number(struct mw_json *object, const char *key, double value)
{
	if (!object)
		return;
	if (!json_object_get(object->root, key))
		set(object, key, json_array());
	if (json_array_append_new(json_object_get(object->root, key),
				  isfinite(value) ? json_real(value) : json_null()) != 0 &&
	    !object->err)
		object->err = MW_E_NOMEM;
}

mw_err mw_json_finish(struct mw_json *object, char **ret_text)
{
	mw_err err = object ? object->err : MW_E_NOMEM;
	char *text = err ? NULL : json_dumps(object->root, DUMP_FLAGS);

	mw_json_free(object);
	if (!text)
		return err ? err : MW_E_NOMEM;
	*ret_text = text;
	return MW_E_OK;
}

/* --- events, out ------------------------------------------------------------------------------ */

static void put_time(struct mw_json *object, const char *key, int64_t time_ns)
{
	set(object, key, time_value(time_ns));
}

static const char *direction_text(int direction)
{
	return direction > 0 ? "above" : direction < 0 ? "below" : "neither";
}

static const char *move_text(int move)
{
	return move > 0 ? "rose" : move < 0 ? "fell" : "held";
}

static json_t *claim_names(uint32_t set)
{
	json_t *names = json_array();

	for (int claim = 0; claim < MW_N_CLAIM; claim++)
		if (set >> claim & 1)
			(void)json_array_append_new(
			    names, json_string(mw_claim_text((enum mw_claim)claim)));
	return names;
}

/* What the words rest on. */
static void put_claims(struct mw_json *object, const struct mw_claims *claims)
{
	mw_json_number(object, "spread", claims->spread > 0 ? claims->spread : (double)NAN);
	mw_json_number(object, "step", claims->step > 0 ? claims->step : (double)NAN);
	mw_json_number(object, "before", claims->from);
	mw_json_number(object, "now", claims->now);
	mw_json_number(object, "limit", claims->limit);
	set(object, "claims", claim_names(claims->set));
}

static struct mw_json *channel_object(const struct mw_event_channel *channel)
{
	const struct mw_channel_finding *f = &channel->finding;
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "channel", channel->name);
	mw_json_integer(object, "index", f->channel);
	mw_json_text(object, "unit", channel->unit);
	mw_json_number(object, "value", f->peak_value);
	mw_json_number(object, "expected", f->expected);
	mw_json_number(object, "deviation", f->deviation);
	mw_json_number(object, "strength", f->strength);
	mw_json_text(object, "direction", direction_text(f->direction));
	mw_json_text(object, "move", move_text(f->move));
	put_time(object, "time", f->peak_time_ns);
	put_claims(object, &channel->claims);
	return object;
}

static struct mw_json *others_object(const struct mw_event *event)
{
	struct mw_json *object = mw_json_object();

	mw_json_integer(object, "channels", event->others.n);
	mw_json_number(object, "level", event->others.n > 0 ? event->others.level : (double)NAN);
	return object;
}

static void put_channels(struct mw_json *object, const struct mw_event *event)
{
	static const struct mw_event_channel none = {
	    .finding = {.peak_value = NAN, .expected = NAN, .deviation = NAN}};
	const struct mw_event_channel *first = event->n_channel > 0 ? &event->channel[0] : &none;

	mw_json_text(object, "channel", first->name);
	mw_json_text(object, "unit", first->unit);
	mw_json_number(object, "value", first->finding.peak_value);
	mw_json_number(object, "expected", first->finding.expected);
	mw_json_number(object, "deviation", first->finding.deviation);
	set(object, "channels", json_array());
	for (size_t i = 0; i < event->n_channel; i++)
		mw_json_append(object, "channels", channel_object(&event->channel[i]));
	mw_json_child(object, "others", others_object(event));
}

static void put_citations(struct mw_json *object, const struct mw_event *event)
{
	set(object, "citations", json_array());
	for (size_t i = 0; i < event->n_citation; i++) {
		const struct mw_citation *citation = &event->citation[i];
		struct mw_json *item = mw_json_object();

		mw_json_integer(item, "from", citation->from);
		mw_json_integer(item, "to", citation->to);
		mw_json_text(item, "reference", citation->reference);
		mw_json_number(item, "value", citation->value);
		mw_json_append(object, "citations", item);
	}
}

static void put_feedback(struct mw_json *object, uint8_t feedback)
{
	if (feedback == MW_FEEDBACK_NONE)
		mw_json_null(object, "feedback");
	else
		mw_json_text(object, "feedback", mw_feedback_text((enum mw_feedback)feedback));
}

static void put_similar(struct mw_json *object, const struct mw_event *event)
{
	set(object, "similar", json_array());
	for (size_t i = 0; i < event->similar.n; i++) {
		const struct mw_similar *similar = &event->similar.event[i];
		struct mw_json *item = mw_json_object();

		mw_json_text(item, "id", similar->id);
		put_time(item, "raised", similar->raised_ns);
		mw_json_number(item, "similarity", similar->similarity);
		mw_json_text(item, "fault", mw_fault_code(similar->fault));
		mw_json_bool(item, "acknowledged", similar->acknowledged);
		put_feedback(item, similar->feedback);
		mw_json_append(object, "similar", item);
	}
}

static struct mw_json *cause_object(const struct mw_event_cause *cause)
{
	struct mw_json *object = mw_json_object();
	json_t *why = json_array();

	for (unsigned bit = 1; bit <= MW_WHY_ALL; bit <<= 1)
		if (cause->why & bit)
			(void)json_array_append_new(why, json_string(mw_why_cause_text(bit)));
	mw_json_text(object, "channel", cause->channel);
	mw_json_number(object, "probability", cause->probability);
	mw_json_text(object, "fault", mw_fault_code(cause->fault));
	mw_json_text(object, "site_fault", cause->site_fault);
	mw_json_text(object, "name", cause->name);
	mw_json_text(object, "cause", cause->cause);
	mw_json_text(object, "check", cause->check);
	set(object, "why", why);
	mw_json_text(object, "of", cause->of);
	return object;
}

static void put_causes(struct mw_json *object, const struct mw_event *event)
{
	set(object, "causes", json_array());
	for (size_t i = 0; i < event->n_cause; i++)
		mw_json_append(object, "causes", cause_object(&event->likely[i]));
}

/* The fault as the explanation calls it, in its language; else the code with spaces. */
static void put_fault_name(struct mw_json *object, const struct mw_event *event)
{
	size_t length = strlen(event->explanation);
	char name[64];

	if (event->site_fault[0] != '\0' && event->n_cause > 0) {
		mw_json_text(object, "fault_name", event->likely[0].name);
		return;
	}
	for (size_t i = 0; i < event->n_citation; i++) {
		const struct mw_citation *c = &event->citation[i];

		if (strcmp(c->reference, "fault") == 0 && c->from < c->to && c->to <= length) {
			set(object, "fault_name",
			    text_value(event->explanation + c->from, (size_t)(c->to - c->from)));
			return;
		}
	}
	(void)snprintf(name, sizeof(name), "%s", mw_fault_code(event->fault));
	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = ' ';
	mw_json_text(object, "fault_name", name);
}

static void put_judgement(struct mw_json *object, const struct mw_event *event)
{
	mw_json_text(object, "asset", event->asset);
	mw_json_text(object, "machine", mw_machine_code(event->machine));
	mw_json_text(object, "verdict", mw_verdict_text(event->verdict));
	mw_json_text(object, "fault", mw_fault_code(event->fault));
	mw_json_text(object, "site_fault", event->site_fault);
	put_fault_name(object, event);
	mw_json_number(object, "fault_probability", event->fault_probability);
	mw_json_integer(object, "severity", event->severity);
	mw_json_integer(object, "severity_opcua",
			mw_event_severity_opcua(event->severity, event->score));
	mw_json_number(object, "score", event->score);
	mw_json_number(object, "p_value", event->p_value);
}

static void put_times(struct mw_json *object, const struct mw_event *event)
{
	put_time(object, "onset", event->onset_ns);
	mw_json_bool(object, "onset_before_window", event->onset_before_window);
	put_time(object, "raised", event->raised_ns);
	put_time(object, "updated", event->updated_ns);
	put_time(object, "cleared", event->cleared_ns);
	put_time(object, "window_from", event->window_from_ns);
	put_time(object, "window_to", event->window_to_ns);
	mw_json_number(object, "period_s", (double)event->period_ns / 1e9);
}

static void put_words(struct mw_json *object, const struct mw_event *event)
{
	mw_json_text(object, "explanation", event->explanation);
	mw_json_text(object, "language", mw_language_text(event->language));
	mw_json_text(object, "form", mw_text_form_text(event->form));
	mw_json_text(object, "cause", event->cause);
	mw_json_text(object, "check", event->check);
	put_causes(object, event);
	put_citations(object, event);
	put_similar(object, event);
	mw_json_text(object, "model", event->model);
}

static struct mw_json *event_object(const struct mw_event *event, const char *schema,
				    const char *transition, const char *gateway)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "schema", schema);
	mw_json_text(object, "id", event->id);
	mw_json_integer(object, "sequence", event->sequence);
	if (transition)
		mw_json_text(object, "transition", transition);
	mw_json_text(object, "state", mw_alarm_state_text(event->state));
	if (!transition) /* an alert tells of the alarm; what was said is asked for */
		put_feedback(object, event->feedback);
	mw_json_text(object, "gateway", gateway);
	put_judgement(object, event);
	put_times(object, event);
	put_channels(object, event);
	put_words(object, event);
	return object;
}

/* Row by row, as it was measured: [[c1, c2], [c1, c2], ...]. */
static json_t *matrix(const double *value, const struct mw_event_window *window)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < window->n_rows; i++) {
		json_t *row = json_array();

		for (size_t c = 0; c < window->n_channels; c++)
			if (json_array_append_new(row,
						  number_value(value[i * window->n_channels + c])))
				break;
		if (json_array_size(row) != window->n_channels ||
		    json_array_append_new(rows, row)) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

static struct mw_json *window_object(const struct mw_event *event,
				     const struct mw_event_window *window)
{
	struct mw_json *object = mw_json_object();
	json_t *names = json_array();

	for (size_t c = 0; c < window->n_channels && c < event->n_channel; c++)
		(void)json_array_append_new(
		    names, text_value(event->channel[c].name, strlen(event->channel[c].name)));
	put_time(object, "from", window->from_ns);
	mw_json_number(object, "period_s", (double)window->period_ns / 1e9);
	set(object, "channels", names);
	set(object, "value", matrix(window->value, window));
	set(object, "expected", matrix(window->expected, window));
	if (window->has_spread)
		set(object, "spread", matrix(window->spread, window));
	return object;
}

mw_err mw_json_alert(const struct mw_event *event, enum mw_transition transition,
		     const char *gateway, char **ret_text)
{
	return mw_json_finish(
	    event_object(event, ALERT_SCHEMA, mw_transition_text(transition), gateway), ret_text);
}

static struct mw_json *log_object(const struct mw_log_entry *entry)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "what",
		     entry->is_feedback ? "feedback" : mw_transition_text(entry->transition));
	if (entry->is_feedback)
		mw_json_text(object, "said", mw_feedback_text(entry->feedback));
	else
		mw_json_text(object, "state", mw_alarm_state_text(entry->state));
	put_time(object, "time", entry->at_ns);
	put_time(object, "recorded", entry->recorded_ns);
	mw_json_text(object, "who", entry->who);
	mw_json_text(object, "note", entry->note);
	return object;
}

mw_err mw_json_event_logged(const struct mw_event *event, const struct mw_event_window *window,
			    const struct mw_log_entry *log, size_t n_log, const char *gateway,
			    char **ret_text)
{
	struct mw_json *object = event_object(event, EVENT_SCHEMA, NULL, gateway);

	if (log && object)
		set(object, "log", json_array());
	for (size_t i = 0; log && i < n_log; i++)
		mw_json_append(object, "log", log_object(&log[i]));
	if (window && window->n_rows > 0)
		mw_json_child(object, "window", window_object(event, window));
	return mw_json_finish(object, ret_text);
}

mw_err mw_json_event(const struct mw_event *event, const struct mw_event_window *window,
		     const char *gateway, char **ret_text)
{
	return mw_json_event_logged(event, window, NULL, 0, gateway, ret_text);
}

mw_err mw_json_events(const struct mw_event *event, size_t n, const char *gateway, char **ret_text)
{
	struct mw_json *object = mw_json_object();

	if (object)
		set(object, "events", json_array());
	for (size_t i = 0; i < n; i++)
		mw_json_append(object, "events",
			       event_object(&event[i], EVENT_SCHEMA, NULL, gateway));
	return mw_json_finish(object, ret_text);
}
