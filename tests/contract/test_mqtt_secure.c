/* Passwords and TLS against a real mosquitto, in both protocol versions. */
#include "tests/contract/mqtt_client.h"
#include "tests/unit/unit.h"

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

START_TEST(with_tls_a_trusted_broker_is_reached_and_an_unknown_one_is_not)
{
	char pem[96], key[96], command[400], more[512];
	struct broker b;
	struct client trusting, wary;

	broker_init(&b, NULL);
	(void)snprintf(pem, sizeof(pem), "%s/pem", b.dir);
	(void)snprintf(key, sizeof(key), "%s/key", b.dir);
	(void)snprintf(command, sizeof(command),
		       "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=broker -addext "
		       "subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
		       key, pem);
	ck_assert_int_eq(system(command), 0);
	(void)snprintf(more, sizeof(more),
		       "listener %d 127.0.0.1\nuser root\nlog_dest none\nallow_anonymous true\n"
		       "certfile %s\nkeyfile %s\n",
		       b.port, pem, key);
	write_file(b.conf, more);
	broker_start(&b);
	client_init(&trusting, &b, versions[_i], "trusting");
	trusting.config.tls = true;
	trusting.config.tls_ca_file = pem;
	client_start(&trusting, own, NULL);
	wait_subscribed(&trusting, "own/x");
	client_init(&wary, &b, versions[_i], "wary");
	wary.config.tls = true;
	client_start(&wary, own, NULL);
	WAIT_UNTIL(&wary, atomic_load(&wary.downs) >= 2);
	ck_assert_int_eq(atomic_load(&wary.ups), 0);
	client_done(&wary);
	client_done(&trusting);
	(void)unlink(pem);
	(void)unlink(key);
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

int main(void)
{
	const TTest *const looped[] = {
	    the_password_comes_from_its_file_and_a_wrong_one_is_told,
	};
	Suite *suite = suite_create("mqtt_secure");
	TCase *tests = tcase_create("mqtt_secure");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	for (size_t i = 0; i < sizeof(looped) / sizeof(looped[0]); i++)
		tcase_add_loop_test(tests, looped[i], 0, EACH_VERSION);
	tcase_add_test(tests, a_missing_password_file_is_told_at_once);
	if (system("openssl version >/dev/null 2>&1") == 0) /* it makes the certificate */
		tcase_add_loop_test(tests,
				    with_tls_a_trusted_broker_is_reached_and_an_unknown_one_is_not,
				    0, EACH_VERSION);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
