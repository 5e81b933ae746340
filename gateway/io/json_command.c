/* Commands in, their answers out; nothing in a command is trusted. */
#include "gateway/base/utf8.h"
#include "gateway/io/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_SCHEMA "millwright.reply/1"
#define NS_PER_S     1e9

struct member {
	const char *name;
	uint8_t kinds; /* bit per enum mw_command_kind that may carry it */
	bool (*take)(const json_t *value, struct mw_command *command);
};

/* One clean line. */
static bool take_text(const json_t *value, char *ret_text, size_t size)
{
	const char *text = json_string_value(value);
	size_t length = text ? json_string_length(value) : 0;

	if (!text || length >= size || !mw_utf8_is_clean(text, length))
		return false;
	memcpy(ret_text, text, length + 1);
	return true;
}

static bool is_event_id(const char *id)
{
	return strncmp(id, "ev-", 3) == 0 && strlen(id) == 19 &&
	       strspn(id + 3, "0123456789abcdef") == 16;
}

static bool take_event(const json_t *value, struct mw_command *command)
{
	char id[MW_EVENT_ID_SIZE];

	/* In an address and in the body: they must agree. */
	if (!take_text(value, id, sizeof(id)) || !is_event_id(id) ||
	    (command->event[0] && strcmp(command->event, id) != 0))
		return false;
	memcpy(command->event, id, sizeof(id));
	return true;
}

static bool take_who(const json_t *value, struct mw_command *command)
{
	return take_text(value, command->who, sizeof(command->who));
}

static bool take_note(const json_t *value, struct mw_command *command)
{
	return take_text(value, command->note, sizeof(command->note));
}

static bool take_duration(const json_t *value, struct mw_command *command)
{
	double ns = json_number_value(value) * NS_PER_S;

	if (!json_is_number(value) || !(ns >= (double)MW_SHELVE_MIN_NS) ||
	    ns > (double)MW_SHELVE_MAX_NS)
		return false;
	command->shelve_ns = llround(ns);
	return true;
}

static bool take_said(const json_t *value, struct mw_command *command)
{
	const char *text = json_string_value(value);
	int said = text ? mw_feedback_from_text(text) : -1;

	if (said <= MW_FEEDBACK_NONE)
		return false;
	command->feedback = (enum mw_feedback)said;
	return true;
}

#define ANY_KIND 0xff
static const struct member members[] = {
    {"event", ANY_KIND, take_event},
    {"who", ANY_KIND, take_who},
    {"note", ANY_KIND, take_note},
    {"duration_s", 1u << MW_COMMAND_SHELVE, take_duration},
    {"said", 1u << MW_COMMAND_FEEDBACK, take_said},
};
#define N_MEMBER (sizeof(members) / sizeof(members[0]))

static mw_err take_member(struct mw_command *command, const char *key, const json_t *value,
			  char *why, size_t why_size)
{
	for (size_t i = 0; i < N_MEMBER; i++) {
		if (strcmp(members[i].name, key) != 0 ||
		    !(members[i].kinds & (1u << command->kind)))
			continue;
		if (members[i].take(value, command))
			return MW_E_OK;
		return mw_why(MW_E_MALFORMED, why, why_size, "%s: not what it must be", key);
	}
	return mw_why(MW_E_MALFORMED, why, why_size, "%.40s: no member of this command", key);
}

static mw_err take_members(json_t *root, struct mw_command *command, char *why, size_t why_size)
{
	const char *key;
	json_t *value;
	mw_err err = MW_E_OK;

	if (!json_is_object(root))
		return mw_why(MW_E_MALFORMED, why, why_size, "not a JSON object");
	json_object_foreach(root, key, value)
	{
		err = take_member(command, key, value, why, why_size);
		if (err)
			return err;
	}
	if (!command->event[0])
		return mw_why(MW_E_MALFORMED, why, why_size, "event: missing");
	if (command->kind == MW_COMMAND_FEEDBACK && command->feedback == MW_FEEDBACK_NONE)
		return mw_why(MW_E_MALFORMED, why, why_size, "said: missing");
	return MW_E_OK;
}

mw_err mw_json_parse_command(const char *text, size_t size, enum mw_command_kind kind,
			     const char *event, const char *who, char *why, size_t why_size,
			     struct mw_command *ret_command)
{
	struct mw_command command = {.kind = kind, .shelve_ns = MW_SHELVE_DEFAULT_NS};
	json_t *root;
	mw_err err;

	if (size > MW_COMMAND_BYTES)
		return mw_why(MW_E_MALFORMED, why, why_size, "longer than %d bytes",
			      MW_COMMAND_BYTES);
	if (event && !is_event_id(event))
		return mw_why(MW_E_NOTFOUND, why, why_size, "no such event");
	(void)snprintf(command.event, sizeof(command.event), "%s", event ? event : "");
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	err = take_members(root, &command, why, why_size);
	json_decref(root);
	if (err)
		return err;
	if (!command.who[0])
		(void)snprintf(command.who, sizeof(command.who), "%s", who);
	*ret_command = command;
	return MW_E_OK;
}

mw_err mw_json_command(const struct mw_command *command, char **ret_text)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "event", command->event);
	mw_json_text(object, "who", command->who);
	if (command->note[0])
		mw_json_text(object, "note", command->note);
	if (command->kind == MW_COMMAND_SHELVE)
		mw_json_number(object, "duration_s", (double)command->shelve_ns / NS_PER_S);
	if (command->kind == MW_COMMAND_FEEDBACK)
		mw_json_text(object, "said", mw_feedback_text(command->feedback));
	return mw_json_finish(object, ret_text);
}

mw_err mw_json_reply(const struct mw_command_result *result, char **ret_text)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "schema", REPLY_SCHEMA);
	mw_json_text(object, "command", mw_command_text(result->kind));
	mw_json_text(object, "event", result->event);
	mw_json_bool(object, "ok", result->err == MW_E_OK);
	if (result->err) {
		mw_json_text(object, "error",
			     result->why[0] ? result->why : mw_err_text(result->err));
	} else {
		mw_json_text(object, "state", mw_alarm_state_text(result->state));
		mw_json_integer(object, "sequence", result->sequence);
	}
	return mw_json_finish(object, ret_text);
}
