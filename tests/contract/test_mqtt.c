/* The MQTT connection against a real mosquitto on a free loopback port, in both protocol versions.
 */
#include "gateway/io/mqtt.h"
#include "tests/contract/broker.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (20 * MW_NS_PER_S)
#define SEEN_MAX    64
#define PROBE       "probe"

static const int64_t versions[] = {5, 311};
#define EACH_VERSION (int)(sizeof(versions) / sizeof(versions[0]))

/* --- a client and what it saw ------------------------------------------------------------- */

struct seen_message {
	size_t source;
	char topic[128], payload[256], content_type[64], property[256];
	bool retained;
	int qos;
	int64_t expiry_s;
};

struct client {
	struct mw_conf_mqtt config;
	struct mw_mqtt *mqtt;
	pthread_mutex_t lock;
	struct seen_message seen[SEEN_MAX];
	atomic_size_t n_seen;
	atomic_int ups, downs, delivered, failed, probes;
	_Atomic uint64_t last_tag;
	char reason[128];
};

static void on_message(void *ctx, size_t source, const struct mw_mqtt_message *message)
{
	struct client *c = ctx;
	struct seen_message *seen = &c->seen[atomic_load(&c->n_seen) % SEEN_MAX];

	if (message->size == strlen(PROBE) && memcmp(message->payload, PROBE, message->size) == 0) {
		atomic_fetch_add(&c->probes, 1);
		return;
	}
	*seen = (struct seen_message){.source = source,
				      .retained = message->retained,
				      .qos = message->qos,
				      .expiry_s = message->expiry_s};
	(void)snprintf(seen->topic, sizeof(seen->topic), "%s", message->topic);
	(void)snprintf(seen->payload, sizeof(seen->payload), "%.*s",
		       (int)(message->size < 255 ? message->size : 255),
		       (const char *)message->payload);
	if (message->content_type)
		(void)snprintf(seen->content_type, sizeof(seen->content_type), "%s",
			       message->content_type);
	for (const char *const *p = message->property; p && p[0]; p += 2)
		(void)snprintf(seen->property + strlen(seen->property),
			       sizeof(seen->property) - strlen(seen->property), "%s=%s;", p[0],
			       p[1]);
	atomic_fetch_add(&c->n_seen, 1);
}

static void on_connected(void *ctx, bool connected, const char *reason)
{
	struct client *c = ctx;

	if (!connected) {
		(void)pthread_mutex_lock(&c->lock);
		(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
		(void)pthread_mutex_unlock(&c->lock);
	}
	atomic_fetch_add(connected ? &c->ups : &c->downs, 1);
}

static void on_delivered(void *ctx, uint64_t tag, bool ok)
{
	struct client *c = ctx;

	atomic_store(&c->last_tag, tag);
	atomic_fetch_add(ok ? &c->delivered : &c->failed, 1);
}

static const struct mw_mqtt_events all_events = {on_message, on_connected, on_delivered};

static void client_init(struct client *c, const struct broker *b, int64_t version, const char *id)
{
	*c = (struct client){.config = {.host = "127.0.0.1",
					.port = b->port,
					.version = version,
					.client_id = id,
					.username = "",
					.password_file = "",
					.keepalive_ns = 5 * MW_NS_PER_S,
					.session_expiry_ns = 3600 * MW_NS_PER_S,
					.reconnect_min_ns = 100 * MW_NS_PER_MS,
					.reconnect_max_ns = 500 * MW_NS_PER_MS,
					.max_packet_bytes = 1 << 20,
					.tls_ca_file = "",
					.tls_cert_file = "",
					.tls_key_file = "",
					.tls_verify = true,
					.prefix = "test"}};
	(void)pthread_mutex_init(&c->lock, NULL);
}

static void client_start(struct client *c, const char *const *filter,
			 const struct mw_mqtt_message *will)
{
	struct mw_mqtt_subscription subscription[4];
	char why[256] = "";
	size_t n = 0;
	mw_err err;

	for (; filter && filter[n]; n++)
		subscription[n] = (struct mw_mqtt_subscription){filter[n], 1};
	err = mw_mqtt_new(&c->config, subscription, n, will, &all_events, c, why, sizeof(why),
			  &c->mqtt);
	ck_assert_msg(err == MW_E_OK, "%s", why);
	ck_assert_int_eq(mw_mqtt_start(c->mqtt), MW_E_OK);
}

static void client_done(struct client *c)
{
	mw_mqtt_free(c->mqtt, MW_NS_PER_S);
	(void)pthread_mutex_destroy(&c->lock);
}

/* Ticks and waits until the expression holds, at most for the deadline. */
#define WAIT_UNTIL(c, holds)                                                                       \
	do {                                                                                       \
		int64_t until_ = mw_clock_mono_ns() + DEADLINE_NS;                                 \
		bool held_ = (holds);                                                              \
                                                                                                   \
		while (!held_ && mw_clock_mono_ns() < until_) {                                    \
			mw_mqtt_tick((c)->mqtt, mw_clock_mono_ns());                               \
			(void)usleep(2000);                                                        \
			held_ = (holds);                                                           \
		}                                                                                  \
		ck_assert_msg(held_, "not within the deadline: %s", #holds);                       \
	} while (0)

static void publish(struct client *c, const struct mw_mqtt_message *message, uint64_t tag)
{
	int before = atomic_load(&c->delivered);

	WAIT_UNTIL(c, mw_mqtt_publish(c->mqtt, message, tag) == MW_E_OK);
	WAIT_UNTIL(c, atomic_load(&c->delivered) > before);
}

static struct mw_mqtt_message text_message(const char *topic, const char *text)
{
	return (struct mw_mqtt_message){
	    .topic = topic, .payload = text, .size = strlen(text), .qos = 1};
}

static bool send_probe(struct client *c, const char *topic, int64_t *next_ns)
{
	struct mw_mqtt_message probe = text_message(topic, PROBE);

	probe.qos = 0;
	if (mw_clock_mono_ns() >= *next_ns && mw_mqtt_publish(c->mqtt, &probe, 0) == MW_E_OK)
		*next_ns = mw_clock_mono_ns() + 300 * MW_NS_PER_MS;
	return false;
}

/* Subscriptions are not acknowledged to us: a probe to ourselves comes back once they hold. */
static void wait_subscribed(struct client *c, const char *topic)
{
	int before = atomic_load(&c->probes);
	int64_t next_ns = 0;

	WAIT_UNTIL(c, atomic_load(&c->probes) > before || send_probe(c, topic, &next_ns));
}

static const char *const own[] = {"own/#", NULL};

/* --- the promises ------------------------------------------------------------------------- */

START_TEST(a_message_comes_back_and_its_publish_is_acknowledged)
{
	const char *const filters[] = {"own/other", "own/+/x", "own/#", NULL};
	struct mw_mqtt_message message = text_message("own/a/x", "21.5");
	struct mw_mqtt_stats stats;
	struct broker b;
	struct client c;

	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "one");
	client_start(&c, filters, NULL);
	wait_subscribed(&c, "own/a/x");
	publish(&c, &message, 42);
	WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	ck_assert_uint_eq(atomic_load(&c.last_tag), 42);
	ck_assert_uint_eq(c.seen[0].source, 1);
	ck_assert_str_eq(c.seen[0].topic, "own/a/x");
	ck_assert_str_eq(c.seen[0].payload, "21.5");
	ck_assert_int_eq(c.seen[0].qos, 1);
	ck_assert(!c.seen[0].retained);
	mw_mqtt_stats(c.mqtt, &stats);
	ck_assert_uint_ge(stats.published, 1);
	ck_assert_uint_eq(stats.failed, 0);
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(a_broker_absent_at_start_is_reached_when_it_comes)
{
	struct mw_mqtt_message message = text_message("own/x", "1");
	struct broker b;
	struct client c;

	broker_init(&b, NULL);
	client_init(&c, &b, versions[_i], "early");
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, atomic_load(&c.downs) >= 2);
	ck_assert(!mw_mqtt_connected(c.mqtt));
	ck_assert_int_eq(mw_mqtt_publish(c.mqtt, &message, 1), MW_E_AGAIN);
	broker_start(&b);
	WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
	publish(&c, &message, 1);
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(after_a_killed_broker_returns_messages_flow_again)
{
	struct mw_mqtt_message message = text_message("own/x", "again");
	struct mw_mqtt_stats stats;
	struct broker b;
	struct client c;

	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "survivor");
	client_start(&c, own, NULL);
	wait_subscribed(&c, "own/x");
	for (int round = 1; round <= 2; round++) {
		broker_kill(&b);
		WAIT_UNTIL(&c, !mw_mqtt_connected(c.mqtt));
		broker_start(&b); /* with nothing in memory: subscriptions must be made again */
		WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
		wait_subscribed(&c, "own/x");
		publish(&c, &message, (uint64_t)round);
		WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	}
	mw_mqtt_stats(c.mqtt, &stats);
	ck_assert_uint_eq(stats.reconnects, 2);
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(every_publish_in_flight_when_the_broker_dies_is_answered)
{
	struct mw_mqtt_message message = text_message("own/x", "7");
	struct broker b;
	struct client c;
	int sent = 0;

	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "flight");
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
	(void)kill(b.pid, SIGSTOP); /* it takes the bytes, but answers nothing */
	while (mw_mqtt_publish(c.mqtt, &message, 1) == MW_E_OK && sent < 1000)
		sent++;
	ck_assert_int_ge(sent, 1);
	ck_assert_int_le(sent, 20); /* the window is bounded */
	broker_kill(&b);
	WAIT_UNTIL(&c, !mw_mqtt_connected(c.mqtt));
	broker_start(&b);
	WAIT_UNTIL(&c, atomic_load(&c.delivered) + atomic_load(&c.failed) == sent);
	publish(&c, &message, 2);
	client_done(&c);
	broker_done(&b);
}
END_TEST

/* Connects with a will, then vanishes without a goodbye. */
static void vanish(const struct broker *b, int64_t version, const struct mw_mqtt_message *will)
{
	pid_t pid = fork();
	struct client c;
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		client_init(&c, b, version, "mortal");
		client_start(&c, NULL, will);
		WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(the_retained_will_says_that_we_vanished)
{
	struct mw_mqtt_message will = text_message("own/state", "{\"online\":false}");
	struct broker b;
	struct client c;

	will.retained = true;
	will.content_type = "application/json";
	broker_init(&b, NULL);
	broker_start(&b);
	vanish(&b, versions[_i], &will);
	client_init(&c, &b, versions[_i], "heir");
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	ck_assert_str_eq(c.seen[0].topic, "own/state");
	ck_assert_str_eq(c.seen[0].payload, "{\"online\":false}");
	if (versions[_i] == 5)
		ck_assert_str_eq(c.seen[0].content_type, "application/json");
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(a_goodbye_leaves_no_will)
{
	struct mw_mqtt_message will = text_message("own/state", "gone");
	struct broker b;
	struct client polite, c;

	will.retained = true;
	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&polite, &b, versions[_i], "polite");
	client_start(&polite, NULL, &will);
	WAIT_UNTIL(&polite, mw_mqtt_connected(polite.mqtt));
	client_done(&polite);
	client_init(&c, &b, versions[_i], "heir");
	client_start(&c, own, NULL);
	wait_subscribed(&c, "own/probe");
	for (size_t i = 0; i < SEEN_MAX; i++)
		ck_assert_str_ne(c.seen[i].payload, "gone");
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(messages_sent_while_we_are_away_wait_for_us)
{
	struct mw_mqtt_message message = text_message("own/x", "while away");
	struct broker b;
	struct client away, other;

	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&away, &b, versions[_i], "away");
	client_start(&away, own, NULL);
	wait_subscribed(&away, "own/x");
	client_done(&away);
	client_init(&other, &b, versions[_i], "other");
	client_start(&other, NULL, NULL);
	publish(&other, &message, 1);
	client_init(&away, &b, versions[_i], "away");
	client_start(&away, own, NULL);
	WAIT_UNTIL(&away, atomic_load(&away.n_seen) >= 1);
	ck_assert_str_eq(away.seen[0].payload, "while away");
	client_done(&away);
	client_done(&other);
	broker_done(&b);
}
END_TEST

START_TEST(what_an_older_subscription_still_sends_is_counted)
{
	const char *const newer[] = {"new/#", NULL};
	struct mw_mqtt_message message = text_message("own/x", "stale subscription");
	struct mw_mqtt_stats stats = {0};
	struct broker b;
	struct client c;

	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "mover");
	client_start(&c, own, NULL);
	wait_subscribed(&c, "own/x");
	client_done(&c);
	client_init(&c, &b, versions[_i], "mover");
	client_start(&c, newer, NULL);
	publish(&c, &message, 1);
	WAIT_UNTIL(&c, (mw_mqtt_stats(c.mqtt, &stats), stats.unmatched >= 1));
	ck_assert_uint_eq(atomic_load(&c.n_seen), 0);
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(properties_travel_in_version_5_and_the_payload_in_both)
{
	const char *const property[] = {"ce_id", "ev-1", "ce_type", "alert", NULL};
	struct mw_mqtt_message message = text_message("own/alert", "{}");
	struct broker b;
	struct client c;

	message.content_type = "application/json";
	message.expiry_s = 3600;
	message.property = property;
	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "five");
	client_start(&c, own, NULL);
	wait_subscribed(&c, "own/x");
	publish(&c, &message, 1);
	WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	ck_assert_str_eq(c.seen[0].payload, "{}");
	if (versions[_i] == 5) {
		ck_assert_str_eq(c.seen[0].content_type, "application/json");
		ck_assert_str_eq(c.seen[0].property, "ce_id=ev-1;ce_type=alert;");
		ck_assert_int_gt(c.seen[0].expiry_s, 3500);
		ck_assert_int_le(c.seen[0].expiry_s, 3600);
	} else {
		ck_assert_str_eq(c.seen[0].content_type, "");
		ck_assert_str_eq(c.seen[0].property, "");
	}
	client_done(&c);
	broker_done(&b);
}
END_TEST

START_TEST(an_oversized_message_is_refused_and_counted)
{
	struct mw_mqtt_message message = {.topic = "own/x", .size = 3000, .qos = 1};
	struct mw_mqtt_message small = text_message("own/x", "small");
	struct mw_mqtt_stats stats;
	static char payload[3000];
	struct broker b;
	struct client c, sender;

	memset(payload, 'x', sizeof(payload));
	message.payload = payload;
	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "narrow");
	c.config.max_packet_bytes = 1024;
	client_start(&c, own, NULL);
	wait_subscribed(&c, "own/x");
	client_init(&sender, &b, versions[_i], "wide");
	client_start(&sender, NULL, NULL);
	publish(&sender, &message, 1);
	publish(&sender, &small, 2);
	WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	ck_assert_str_eq(c.seen[0].payload, "small");
	mw_mqtt_stats(c.mqtt, &stats);
	ck_assert_uint_eq(stats.oversized, 1);
	client_done(&c);
	client_done(&sender);
	broker_done(&b);
}
END_TEST

START_TEST(a_retained_message_is_marked_as_such)
{
	struct mw_mqtt_message message = text_message("own/x", "kept");
	struct broker b;
	struct client c, sender;

	message.retained = true;
	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&sender, &b, versions[_i], "keeper");
	client_start(&sender, NULL, NULL);
	publish(&sender, &message, 1);
	client_init(&c, &b, versions[_i], "reader");
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, atomic_load(&c.n_seen) >= 1);
	ck_assert(c.seen[0].retained);
	ck_assert_str_eq(c.seen[0].payload, "kept");
	client_done(&c);
	client_done(&sender);
	broker_done(&b);
}
END_TEST

START_TEST(the_password_comes_from_its_file_and_a_wrong_one_is_told)
{
	char users[160], secret[96], command[320], more[256];
	struct broker b;
	struct client c;

	broker_init(&b, NULL);
	(void)snprintf(users, sizeof(users), "%s/users", b.dir);
	(void)snprintf(secret, sizeof(secret), "%s/secret", b.dir);
	(void)snprintf(command, sizeof(command), "mosquitto_passwd -b -c %s box right", users);
	ck_assert_int_eq(system(command), 0);
	(void)snprintf(more, sizeof(more),
		       "listener %d 127.0.0.1\nuser root\nlog_dest none\nallow_anonymous false\n"
		       "password_file %s\n",
		       b.port, users);
	write_file(b.conf, more);
	write_file(secret, "wrong\n");
	broker_start(&b);
	client_init(&c, &b, versions[_i], "keyed");
	c.config.username = "box";
	c.config.password_file = secret;
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, atomic_load(&c.downs) >= 1);
	(void)pthread_mutex_lock(&c.lock);
	ck_assert_msg(strcasestr(c.reason, "authori") || strstr(c.reason, "CONNACK"), "%s",
		      c.reason);
	(void)pthread_mutex_unlock(&c.lock);
	write_file(secret, "right\r\n"); /* exchanged while we run */
	WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
	client_done(&c);
	(void)unlink(users);
	(void)unlink(secret);
	broker_done(&b);
}
END_TEST

START_TEST(a_missing_password_file_is_told_at_once)
{
	struct broker b = {.port = 1};
	struct mw_mqtt *mqtt = NULL;
	char why[256] = "";
	struct client c;

	client_init(&c, &b, 5, "x");
	c.config.password_file = "/nonexistent/secret";
	ck_assert_int_eq(
	    mw_mqtt_new(&c.config, NULL, 0, NULL, &all_events, &c, why, sizeof(why), &mqtt),
	    MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/secret"));
	ck_assert_ptr_null(mqtt);
}
END_TEST

START_TEST(what_cannot_be_published_is_refused)
{
	struct mw_mqtt_message wild = text_message("own/+", "x");
	struct mw_mqtt_message empty = text_message("", "x");
	struct mw_mqtt_message twice = text_message("own/x", "x");
	struct broker b;
	struct client c;

	twice.qos = 2;
	broker_init(&b, NULL);
	broker_start(&b);
	client_init(&c, &b, versions[_i], "strict");
	client_start(&c, own, NULL);
	WAIT_UNTIL(&c, mw_mqtt_connected(c.mqtt));
	ck_assert_int_eq(mw_mqtt_publish(c.mqtt, &wild, 1), MW_E_INVAL);
	ck_assert_int_eq(mw_mqtt_publish(c.mqtt, &empty, 1), MW_E_INVAL);
	ck_assert_int_eq(mw_mqtt_publish(c.mqtt, &twice, 1), MW_E_INVAL);
	client_done(&c);
	broker_done(&b);
}
END_TEST

int main(void)
{
	const TTest *const looped[] = {
	    a_message_comes_back_and_its_publish_is_acknowledged,
	    a_broker_absent_at_start_is_reached_when_it_comes,
	    after_a_killed_broker_returns_messages_flow_again,
	    every_publish_in_flight_when_the_broker_dies_is_answered,
	    the_retained_will_says_that_we_vanished,
	    a_goodbye_leaves_no_will,
	    messages_sent_while_we_are_away_wait_for_us,
	    what_an_older_subscription_still_sends_is_counted,
	    properties_travel_in_version_5_and_the_payload_in_both,
	    an_oversized_message_is_refused_and_counted,
	    a_retained_message_is_marked_as_such,
	    the_password_comes_from_its_file_and_a_wrong_one_is_told,
	    what_cannot_be_published_is_refused,
	};
	Suite *suite = suite_create("mqtt");
	TCase *tests = tcase_create("mqtt");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	for (size_t i = 0; i < sizeof(looped) / sizeof(looped[0]); i++)
		tcase_add_loop_test(tests, looped[i], 0, EACH_VERSION);
	tcase_add_test(tests, a_missing_password_file_is_told_at_once);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
