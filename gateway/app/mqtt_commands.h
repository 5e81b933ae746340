/*
 * mqtt_commands.h -- commands over MQTT: <prefix>/cmd/<ack|shelve|unshelve|feedback>, JSON by
 * schemas/command.schema.json; the answer goes to the response topic (MQTT 5) or <prefix>/reply.
 */
#ifndef MW_APP_MQTT_COMMANDS_H
#define MW_APP_MQTT_COMMANDS_H

#include "gateway/app/pipeline.h"

struct mw_mqtt_commands;

/* All lent; `mqtt` is told later, it does not exist yet when the subscription is made. */
MW_MUST_CHECK mw_err mw_mqtt_commands_new(const char *prefix, struct mw_mqtt_commands **ret);
/* Only after the pipeline has answered all. */
void mw_mqtt_commands_free(struct mw_mqtt_commands *commands);
void mw_mqtt_commands_use(struct mw_mqtt_commands *commands, struct mw_mqtt *mqtt,
			  struct mw_pipeline *pipeline);

/* The filter to subscribe to; lent. */
const char *mw_mqtt_commands_filter(const struct mw_mqtt_commands *commands);
/* True: the message was a command (or a bad one), and it is dealt with.  Returns at once. */
bool mw_mqtt_commands_take(struct mw_mqtt_commands *commands,
			   const struct mw_mqtt_message *message);

#endif
