#include "gateway/app/mqtt_commands.h"

#include "gateway/base/log.h"
#include "gateway/io/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC_SIZE       600
#define CORRELATION_SIZE 256 /* longer ones are not sent back */

struct mw_mqtt_commands {
	char filter[TOPIC_SIZE], root[TOPIC_SIZE], reply[TOPIC_SIZE], prefix[TOPIC_SIZE];
	_Atomic(struct mw_mqtt *) mqtt;
	_Atomic(struct mw_pipeline *) pipeline;
};

/* Where an answer goes; owned by the command until it is answered. */
struct reply {
	struct mw_mqtt_commands *commands;
	char topic[TOPIC_SIZE];
	unsigned char correlation[CORRELATION_SIZE];
	size_t correlation_size;
};

mw_err mw_mqtt_commands_new(const char *prefix, struct mw_mqtt_commands **ret)
{
	struct mw_mqtt_commands *c = calloc(1, sizeof(*c));

	if (!c)
		return MW_E_NOMEM;
	if ((size_t)snprintf(c->filter, sizeof(c->filter), "%s/cmd/+", prefix) >=
	    sizeof(c->filter)) {
		free(c);
		return MW_E_INVAL;
	}
	(void)snprintf(c->root, sizeof(c->root), "%s/cmd/", prefix);
	(void)snprintf(c->reply, sizeof(c->reply), "%s/reply", prefix);
	(void)snprintf(c->prefix, sizeof(c->prefix), "%s/", prefix);
	*ret = c;
	return MW_E_OK;
}

void mw_mqtt_commands_free(struct mw_mqtt_commands *commands)
{
	free(commands);
}

void mw_mqtt_commands_use(struct mw_mqtt_commands *commands, struct mw_mqtt *mqtt,
			  struct mw_pipeline *pipeline)
{
	atomic_store(&commands->mqtt, mqtt);
	atomic_store(&commands->pipeline, pipeline);
}

const char *mw_mqtt_commands_filter(const struct mw_mqtt_commands *commands)
{
	return commands->filter;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Nobody may have us speak in the name of our own topics, or of the broker's. */
static bool may_answer_to(const struct mw_mqtt_commands *c, const char *topic)
{
	size_t reply = strlen(c->reply);

	if (*topic == '\0' || *topic == '$' || strlen(topic) >= TOPIC_SIZE || strpbrk(topic, "+#"))
		return false;
	if (strncmp(topic, c->prefix, strlen(c->prefix)) != 0)
		return true;
	return strncmp(topic, c->reply, reply) == 0 &&
	       (topic[reply] == '\0' || topic[reply] == '/');
}

static void fill_reply(struct mw_mqtt_commands *c, const struct mw_mqtt_message *message,
		       struct reply *reply)
{
	const char *topic = message->response_topic;

	reply->commands = c;
	(void)snprintf(reply->topic, sizeof(reply->topic), "%s",
		       topic && may_answer_to(c, topic) ? topic : c->reply);
	if (message->correlation_size > sizeof(reply->correlation))
		return;
	reply->correlation_size = message->correlation_size;
	if (message->correlation_size > 0)
		memcpy(reply->correlation, message->correlation, message->correlation_size);
}

/* Not by the outbox: who asked has gone when the broker was away for long. */
static void on_done(void *ctx, const struct mw_command_result *result)
{
	struct reply *reply = ctx;
	struct mw_mqtt *mqtt = atomic_load(&reply->commands->mqtt);
	struct mw_mqtt_message message = {.topic = reply->topic,
					  .qos = 1,
					  .content_type = "application/json",
					  .correlation = reply->correlation,
					  .correlation_size = reply->correlation_size};
	char *text = NULL;

	if (mqtt && mw_json_reply(result, &text) == MW_E_OK) {
		message.payload = text;
		message.size = strlen(text);
		if (mw_mqtt_publish(mqtt, &message, 0) != MW_E_OK)
			mw_log(MW_LOG_WARN, "command.unanswered", "topic=\"%s\" event=%s",
			       reply->topic, result->event);
	}
	free(text);
	free(reply);
}

static void refuse(struct reply *reply, enum mw_command_kind kind, const char *event, mw_err err,
		   const char *why)
{
	struct mw_command_result result = {.err = err, .kind = kind};

	(void)snprintf(result.event, sizeof(result.event), "%s", event);
	(void)snprintf(result.why, sizeof(result.why), "%s", why);
	on_done(reply, &result);
}

/* --- commands --------------------------------------------------------------------------------- */

static void take_command(struct mw_mqtt_commands *c, enum mw_command_kind kind,
			 const struct mw_mqtt_message *message, struct reply *reply)
{
	struct mw_pipeline *pipeline = atomic_load(&c->pipeline);
	struct mw_command command;
	char why[MW_COMMAND_WHY_SIZE] = "";
	mw_err err = mw_json_parse_command(message->payload, message->size, kind, NULL, "mqtt", why,
					   sizeof(why), &command);

	if (err) {
		refuse(reply, kind, "", err, why);
		return;
	}
	err = pipeline ? mw_pipeline_command(pipeline, &command, on_done, reply) : MW_E_AGAIN;
	if (err)
		refuse(reply, kind, command.event, err,
		       err == MW_E_FULL ? "too many commands wait" : "the daemon ends");
}

bool mw_mqtt_commands_take(struct mw_mqtt_commands *c, const struct mw_mqtt_message *message)
{
	size_t root = strlen(c->root);
	struct reply *reply;
	int kind;

	if (strncmp(message->topic, c->root, root) != 0)
		return false;
	kind = mw_command_from_text(message->topic + root);
	/* A retained command would be carried out again at every connection. */
	if (kind < 0 || message->retained) {
		mw_log(MW_LOG_WARN, "command.ignored", "topic=\"%.200s\" \"%s\"", message->topic,
		       kind < 0 ? "no such command" : "it is retained");
		return true;
	}
	reply = calloc(1, sizeof(*reply));
	if (!reply)
		return true;
	fill_reply(c, message, reply);
	take_command(c, (enum mw_command_kind)kind, message, reply);
	return true;
}
