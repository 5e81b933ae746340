/* Events as the API sent them; nothing in them is trusted. */
#include "gateway/io/json.h"
#include "gateway/io/when.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS 10000

/* Reads members one by one; the first that is not what it must be sticks. */
struct reader {
	const json_t *object;
	bool bad;
};

static const char *get_text(struct reader *in, const char *key)
{
	const char *text = json_string_value(json_object_get(in->object, key));

	if (!text)
		in->bad = true;
	return text ? text : "";
}

static void copy_text(struct reader *in, const char *key, char *ret_text, size_t size)
{
	if ((size_t)snprintf(ret_text, size, "%s", get_text(in, key)) >= size)
		in->bad = true;
}

static double get_number(struct reader *in, const char *key)
{
	const json_t *value = json_object_get(in->object, key);

	if (json_is_null(value))
		return NAN;
	if (!json_is_number(value))
		in->bad = true;
	return json_number_value(value);
}

static int64_t get_integer(struct reader *in, const char *key, int64_t low, int64_t high)
{
	const json_t *value = json_object_get(in->object, key);
	int64_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < low || number > high) {
		in->bad = true;
		return low;
	}
	return number;
}

static int64_t get_time(struct reader *in, const char *key)
{
	int64_t time_ns = 0;

	if (json_is_null(json_object_get(in->object, key)))
		return 0;
	if (mw_when_parse(get_text(in, key), 0, &time_ns))
		in->bad = true;
	return time_ns;
}

static int64_t get_period(struct reader *in, const char *key)
{
	double seconds = get_number(in, key);

	if (!(seconds >= 0 && seconds <= 1e8)) {
		in->bad = true;
		return 0;
	}
	return llround(seconds * 1e9);
}

static int get_code(struct reader *in, const char *key, int (*from_text)(const char *))
{
	int value = from_text(get_text(in, key));

	if (value < 0)
		in->bad = true;
	return value < 0 ? 0 : value;
}

/* Said or not; a daemon of an earlier version has no such member. */
static uint8_t get_feedback(struct reader *in)
{
	const json_t *value = json_object_get(in->object, "feedback");

	if (!value || json_is_null(value))
		return MW_FEEDBACK_NONE;
	return (uint8_t)get_code(in, "feedback", mw_feedback_from_text);
}

static int get_sign(struct reader *in, const char *key, const char *plus, const char *minus)
{
	const char *text = get_text(in, key);

	return strcmp(text, plus) == 0 ? 1 : strcmp(text, minus) == 0 ? -1 : 0;
}

static void parse_claim_names(struct reader *in, const json_t *names, struct mw_claims *claims)
{
	in->bad |= !json_is_array(names);
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name)
			claims->set |= mw_claims_from_text(name);
		else
			in->bad = true;
	}
}

/* A daemon of an earlier version says nothing of them. */
static void parse_claims(struct reader *in, struct mw_claims *claims)
{
	const json_t *names = json_object_get(in->object, "claims");

	claims->spread = claims->step = claims->from = claims->now = claims->limit = (double)NAN;
	if (!names)
		return;
	claims->spread = get_number(in, "spread");
	claims->step = get_number(in, "step");
	claims->from = get_number(in, "before");
	claims->now = get_number(in, "now");
	claims->limit = get_number(in, "limit");
	parse_claim_names(in, names, claims);
}

static bool parse_others(const json_t *root, struct mw_event *event)
{
	struct reader in = {.object = json_object_get(root, "others")};

	if (!in.object)
		return true;
	event->others.n = (uint32_t)get_integer(&in, "channels", 0, MW_MAX_CHANNELS);
	event->others.level = get_number(&in, "level");
	event->claims = mw_event_claims_of(event->others.n, event->others.level);
	return !in.bad;
}

static bool parse_channel(const json_t *item, struct mw_event_channel *channel)
{
	struct reader in = {.object = item};
	struct mw_channel_finding *f = &channel->finding;

	copy_text(&in, "channel", channel->name, sizeof(channel->name));
	copy_text(&in, "unit", channel->unit, sizeof(channel->unit));
	f->channel = (uint32_t)get_integer(&in, "index", 0, MW_MAX_CHANNELS - 1);
	f->peak_value = get_number(&in, "value");
	f->expected = get_number(&in, "expected");
	f->deviation = get_number(&in, "deviation");
	f->strength = get_number(&in, "strength");
	f->direction = get_sign(&in, "direction", "above", "below");
	f->move = get_sign(&in, "move", "rose", "fell");
	f->peak_time_ns = get_time(&in, "time");
	parse_claims(&in, &channel->claims);
	return !in.bad;
}

static bool parse_citation(const json_t *item, struct mw_citation *citation)
{
	struct reader in = {.object = item};

	citation->from = (uint16_t)get_integer(&in, "from", 0, MW_TEXT_SIZE);
	citation->to = (uint16_t)get_integer(&in, "to", citation->from, MW_TEXT_SIZE);
	copy_text(&in, "reference", citation->reference, sizeof(citation->reference));
	citation->value = get_number(&in, "value");
	return !in.bad;
}

static bool parse_lists(const json_t *root, struct mw_event *event)
{
	const json_t *channels = json_object_get(root, "channels");
	const json_t *citations = json_object_get(root, "citations");

	if (!json_is_array(channels) || json_array_size(channels) > MW_EVENT_CHANNELS ||
	    !json_is_array(citations) || json_array_size(citations) > MW_MAX_CITATIONS)
		return false;
	event->n_channel = json_array_size(channels);
	event->n_citation = json_array_size(citations);
	for (size_t i = 0; i < event->n_channel; i++)
		if (!parse_channel(json_array_get(channels, i), &event->channel[i]))
			return false;
	for (size_t i = 0; i < event->n_citation; i++)
		if (!parse_citation(json_array_get(citations, i), &event->citation[i]))
			return false;
	return true;
}

static bool parse_similar(const json_t *item, struct mw_similar *similar)
{
	struct reader in = {.object = item};

	copy_text(&in, "id", similar->id, sizeof(similar->id));
	similar->raised_ns = get_time(&in, "raised");
	similar->similarity = get_number(&in, "similarity");
	similar->fault = (enum mw_fault)get_code(&in, "fault", mw_fault_from_code);
	similar->acknowledged = json_is_true(json_object_get(item, "acknowledged"));
	similar->feedback = get_feedback(&in);
	return !in.bad;
}

/* A daemon of an earlier version says nothing of them. */
static bool parse_similars(const json_t *root, struct mw_similar_list *list)
{
	const json_t *similars = json_object_get(root, "similar");

	if (!similars)
		return true;
	if (!json_is_array(similars) || json_array_size(similars) > MW_EVENT_SIMILAR)
		return false;
	list->n = json_array_size(similars);
	for (size_t i = 0; i < list->n; i++)
		if (!parse_similar(json_array_get(similars, i), &list->event[i]))
			return false;
	return true;
}

static bool parse_cause(const json_t *item, struct mw_event_cause *cause)
{
	struct reader in = {.object = item};
	const json_t *why = json_object_get(item, "why");

	copy_text(&in, "channel", cause->channel, sizeof(cause->channel));
	copy_text(&in, "of", cause->of, sizeof(cause->of));
	copy_text(&in, "site_fault", cause->site_fault, sizeof(cause->site_fault));
	copy_text(&in, "name", cause->name, sizeof(cause->name));
	copy_text(&in, "cause", cause->cause, sizeof(cause->cause));
	copy_text(&in, "check", cause->check, sizeof(cause->check));
	cause->probability = get_number(&in, "probability");
	cause->fault = (enum mw_fault)get_code(&in, "fault", mw_fault_from_code);
	for (size_t i = 0; i < json_array_size(why); i++) {
		const char *text = json_string_value(json_array_get(why, i));

		cause->why |= text ? mw_why_cause_from_text(text) : 0;
	}
	return !in.bad;
}

/* A daemon of an earlier version says nothing of them. */
static bool parse_causes(const json_t *root, struct mw_event *event)
{
	const json_t *causes = json_object_get(root, "causes");
	struct reader in = {.object = root};

	if (!causes)
		return true;
	if (!json_is_array(causes) || json_array_size(causes) > MW_EVENT_CAUSES)
		return false;
	copy_text(&in, "site_fault", event->site_fault, sizeof(event->site_fault));
	event->n_cause = json_array_size(causes);
	for (size_t i = 0; i < event->n_cause; i++)
		if (!parse_cause(json_array_get(causes, i), &event->likely[i]))
			return false;
	return !in.bad;
}

static void parse_judgement(struct reader *in, struct mw_event *event)
{
	copy_text(in, "id", event->id, sizeof(event->id));
	event->sequence = (uint32_t)get_integer(in, "sequence", 0, UINT32_MAX);
	event->state = (enum mw_alarm_state)get_code(in, "state", mw_alarm_state_from_text);
	event->feedback = get_feedback(in);
	copy_text(in, "asset", event->asset, sizeof(event->asset));
	event->machine = (enum mw_machine)get_code(in, "machine", mw_machine_from_code);
	event->verdict = (enum mw_verdict)get_code(in, "verdict", mw_verdict_from_text);
	event->fault = (enum mw_fault)get_code(in, "fault", mw_fault_from_code);
	event->fault_probability = get_number(in, "fault_probability");
	event->severity = (unsigned)get_integer(in, "severity", 0, 3);
	event->score = get_number(in, "score");
	event->p_value = get_number(in, "p_value");
}

static bool parse_event(const json_t *root, struct mw_event *event)
{
	struct reader in = {.object = root};

	memset(event, 0, sizeof(*event));
	parse_judgement(&in, event);
	event->onset_ns = get_time(&in, "onset");
	event->onset_before_window = json_is_true(json_object_get(root, "onset_before_window"));
	event->raised_ns = get_time(&in, "raised");
	event->updated_ns = get_time(&in, "updated");
	event->cleared_ns = get_time(&in, "cleared");
	event->window_from_ns = get_time(&in, "window_from");
	event->window_to_ns = get_time(&in, "window_to");
	event->period_ns = get_period(&in, "period_s");
	copy_text(&in, "explanation", event->explanation, sizeof(event->explanation));
	event->language = (enum mw_language)get_code(&in, "language", mw_language_from_text);
	event->form = (enum mw_text_form)get_code(&in, "form", mw_text_form_from_text);
	copy_text(&in, "cause", event->cause, sizeof(event->cause));
	copy_text(&in, "check", event->check, sizeof(event->check));
	copy_text(&in, "model", event->model, sizeof(event->model));
	return !in.bad && parse_others(root, event) && parse_lists(root, event) &&
	       parse_similars(root, &event->similar) && parse_causes(root, event);
}

static bool parse_row(const json_t *row, size_t n, double *ret_value)
{
	if (!json_is_array(row) || json_array_size(row) != n)
		return false;
	for (size_t c = 0; c < n; c++) {
		const json_t *value = json_array_get(row, c);

		if (!json_is_number(value) && !json_is_null(value))
			return false;
		ret_value[c] = json_is_null(value) ? (double)NAN : json_number_value(value);
	}
	return true;
}

static bool parse_matrix(const json_t *rows, const struct mw_event_window *window,
			 double *ret_value)
{
	if (!json_is_array(rows) || json_array_size(rows) != window->n_rows)
		return false;
	for (size_t i = 0; i < window->n_rows; i++)
		if (!parse_row(json_array_get(rows, i), window->n_channels,
			       ret_value + i * window->n_channels))
			return false;
	return true;
}

static bool parse_window(const json_t *root, struct mw_event_window *window)
{
	struct reader in = {.object = root};
	const json_t *value = json_object_get(root, "value");
	const json_t *spread = json_object_get(root, "spread");

	memset(window, 0, sizeof(*window));
	if (!root)
		return true;
	window->from_ns = get_time(&in, "from");
	window->period_ns = get_period(&in, "period_s");
	window->n_rows = json_array_size(value);
	window->n_channels = json_array_size(json_object_get(root, "channels"));
	window->has_spread = spread != NULL;
	return !in.bad && window->n_rows <= MW_WINDOW_ROWS &&
	       window->n_channels <= MW_EVENT_CHANNELS &&
	       parse_matrix(value, window, window->value) &&
	       parse_matrix(json_object_get(root, "expected"), window, window->expected) &&
	       (!spread || parse_matrix(spread, window, window->spread));
}

mw_err mw_json_parse_event(const char *text, size_t size, struct mw_event *ret_event,
			   struct mw_event_window *ret_window)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	struct mw_event event;
	struct mw_event_window window;
	bool good = root && parse_event(root, &event) &&
		    parse_window(json_object_get(root, "window"), &window);

	json_decref(root);
	if (!good)
		return MW_E_MALFORMED;
	*ret_event = event;
	if (ret_window)
		*ret_window = window;
	return MW_E_OK;
}

static mw_err parse_events(const json_t *array, struct mw_event **ret_event, size_t *ret_n)
{
	size_t n = json_array_size(array);
	struct mw_event *event;

	if (!json_is_array(array) || n > MAX_EVENTS)
		return MW_E_MALFORMED;
	event = calloc(n > 0 ? n : 1, sizeof(*event));
	if (!event)
		return MW_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!parse_event(json_array_get(array, i), &event[i])) {
			free(event);
			return MW_E_MALFORMED;
		}
	}
	*ret_event = event;
	*ret_n = n;
	return MW_E_OK;
}

mw_err mw_json_parse_events(const char *text, size_t size, struct mw_event **ret_event,
			    size_t *ret_n)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	mw_err err = parse_events(json_object_get(root, "events"), ret_event, ret_n);

	json_decref(root);
	return err;
}

static bool parse_entry(const json_t *item, struct mw_log_entry *entry)
{
	struct reader in = {.object = item};

	entry->is_feedback = strcmp(get_text(&in, "what"), "feedback") == 0;
	if (entry->is_feedback) {
		entry->feedback = (enum mw_feedback)get_code(&in, "said", mw_feedback_from_text);
	} else {
		entry->transition =
		    (enum mw_transition)get_code(&in, "what", mw_transition_from_text);
		entry->state =
		    (enum mw_alarm_state)get_code(&in, "state", mw_alarm_state_from_text);
	}
	entry->at_ns = get_time(&in, "time");
	entry->recorded_ns = get_time(&in, "recorded");
	copy_text(&in, "who", entry->who, sizeof(entry->who));
	copy_text(&in, "note", entry->note, sizeof(entry->note));
	return !in.bad;
}

static mw_err parse_log(const json_t *array, struct mw_log_entry **ret_entry, size_t *ret_n)
{
	size_t n = json_array_size(array);
	struct mw_log_entry *entry;

	if ((array && !json_is_array(array)) || n > MW_EVENT_LOG)
		return MW_E_MALFORMED;
	entry = calloc(n > 0 ? n : 1, sizeof(*entry));
	if (!entry)
		return MW_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!parse_entry(json_array_get(array, i), &entry[i])) {
			free(entry);
			return MW_E_MALFORMED;
		}
	}
	*ret_entry = entry;
	*ret_n = n;
	return MW_E_OK;
}

mw_err mw_json_parse_log(const char *text, size_t size, struct mw_log_entry **ret_entry,
			 size_t *ret_n)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	mw_err err = parse_log(json_object_get(root, "log"), ret_entry, ret_n);

	json_decref(root);
	return err;
}

char *mw_json_parse_error(const char *text, size_t size, char *buf, size_t buf_size)
{
	json_t *root = json_loadb(text, size, 0, NULL);
	const char *message = json_string_value(json_object_get(root, "error"));

	(void)snprintf(buf, buf_size, "%s", message ? message : "");
	json_decref(root);
	return buf;
}
