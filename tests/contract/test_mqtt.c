/* The MQTT connection against a real mosquitto, in both protocol versions. */
#include "tests/contract/mqtt_client.h"
#include "tests/unit/unit.h"

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
	    what_cannot_be_published_is_refused,
	};
	Suite *suite = suite_create("mqtt");
	TCase *tests = tcase_create("mqtt");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	for (size_t i = 0; i < sizeof(looped) / sizeof(looped[0]); i++)
		tcase_add_loop_test(tests, looped[i], 0, EACH_VERSION);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
