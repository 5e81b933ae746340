/* The page and the commands as a browser, or somebody who is not one, sends them: a real loopback port. */
#include "gateway/io/http.h"
#include "gateway/io/page.h"

#include "tests/unit/stores.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define ID     "ev-0123456789abcdef"
#define ACK    "POST /v1/events/" ID "/ack HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
#define JSON   "Content-Type: application/json\r\n"
#define OURS   "X-Millwright: 1\r\n"
#define NOBODY "Content-Length: 2\r\n\r\n{}"

static struct mw_command got;
static atomic_int calls;
static mw_err answer_with;
static mw_err refuse_with;

/* The pipeline's part: answers from another thread. */
struct later {
	mw_command_done *done;
	void *ctx;
};

static void *answer_later(void *arg)
{
	struct later later = *(struct later *)arg;
	struct mw_command_result result = {.err = answer_with, .state = MW_ALARM_ACK_ACTIVE};

	strcpy(result.event, got.event);
	strcpy(result.why, "because");
	result.kind = got.kind;
	free(arg);
	later.done(later.ctx, &result);
	return NULL;
}

static mw_err command(void *ctx, const struct mw_command *wanted, mw_command_done *done,
		      void *done_ctx)
{
	struct later *later = malloc(sizeof(*later));
	pthread_t thread;

	(void)ctx;
	atomic_fetch_add(&calls, 1);
	got = *wanted;
	if (refuse_with) {
		free(later);
		return refuse_with;
	}
	*later = (struct later){done, done_ctx};
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_later, later), 0);
	ck_assert_int_eq(pthread_detach(thread), 0);
	return MW_E_OK;
}

static mw_err say(void *ctx, char **ret_text)
{
	(void)ctx;
	*ret_text = strdup("{\"assets\":[]}");
	return MW_E_OK;
}

struct api {
	struct place place;
	struct mw_store *store;
	struct mw_http *http;
	struct sockaddr_in address;
};

static struct api start_api(void)
{
	struct api api = {.place = make_place()};
	struct mw_http_opts opts = {.listen = "127.0.0.1:0",
				    .gateway = "g1",
				    .status = say,
				    .assets = say,
				    .metrics = say,
				    .command = command};
	char why[256] = "";
	unsigned port;

	api.store = open_store(&api.place, false);
	opts.store = api.store;
	ck_assert_msg(mw_http_start(&opts, why, sizeof(why), &api.http) == MW_E_OK, "%s", why);
	ck_assert_int_eq(sscanf(mw_http_address(api.http), "http://127.0.0.1:%u/", &port), 1);
	api.address.sin_family = AF_INET;
	api.address.sin_port = htons((uint16_t)port);
	api.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return api;
}

static void stop_api(struct api *api)
{
	mw_http_stop(api->http);
	mw_store_close(api->store);
	remove_place(&api->place);
}

/* One request as it is; the answer whole, owned. */
static char *talk_bytes(const struct api *api, const char *request, size_t size)
{
	static const size_t room = 1 << 20;
	char *answer = calloc(1, room);
	size_t at = 0;
	ssize_t n;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&api->address, sizeof(api->address)),
			 0);
	ck_assert_int_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
	while (at + 1 < room && (n = read(fd, answer + at, room - 1 - at)) > 0)
		at += (size_t)n;
	close(fd);
	return answer;
}

static char *talk(const struct api *api, const char *request)
{
	return talk_bytes(api, request, strlen(request));
}

static void expect(const struct api *api, const char *request, const char *wanted)
{
	char *answer = talk(api, request);

	ck_assert_msg(strstr(answer, wanted), "%s\n-- wanted %s, got\n%.400s", request, wanted,
		      answer);
	free(answer);
}

START_TEST(every_file_of_the_page_comes_with_type_policy_and_tag)
{
	struct api api = start_api();
	size_t n = 0;

	for (const struct mw_page_file *file = mw_page_files; file->path; file++, n++) {
		char request[256], type[128];
		char *answer;

		(void)snprintf(request, sizeof(request),
			       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			       file->path);
		(void)snprintf(type, sizeof(type), "Content-Type: %s\r\n", file->type);
		answer = talk(&api, request);
		ck_assert_ptr_nonnull(strstr(answer, " 200 "));
		ck_assert_ptr_nonnull(strstr(answer, type));
		ck_assert_ptr_nonnull(strstr(
		    answer, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
		ck_assert_ptr_nonnull(strstr(answer, "frame-ancestors 'none'"));
		ck_assert_ptr_null(strstr(answer, "unsafe-"));
		ck_assert_ptr_nonnull(strstr(answer, "X-Content-Type-Options: nosniff"));
		ck_assert_ptr_nonnull(strstr(answer, file->etag));
		ck_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, file->data);
		free(answer);
		(void)snprintf(request, sizeof(request),
			       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
			       "If-None-Match: %s\r\n\r\n",
			       file->path, file->etag);
		expect(&api, request, " 304 ");
		expect(&api, request,
		       "script-src 'self';"); /* a 304's policy replaces the first one */
		expect(&api, request, type);
	}
	ck_assert_uint_ge(n, 3);
	stop_api(&api);
}
END_TEST

/* Handlers in the markup, or addresses of elsewhere, would need a weaker policy. */
START_TEST(the_page_holds_no_inline_script_and_no_foreign_address)
{
	static const char *const forbidden[] = {
	    "innerHTML", "outerHTML =", "insertAdjacentHTML", "document.write",
	    "eval(",     "https://",    " onclick=",          " style=",
	    "<style",    "javascript:"};

	for (const struct mw_page_file *file = mw_page_files; file->path; file++) {
		for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
			ck_assert_msg(!strstr(file->data, forbidden[i]), "%s: %s", file->path,
				      forbidden[i]);
		ck_assert_uint_eq(strlen(file->data), file->size);
	}
}
END_TEST

START_TEST(a_command_is_carried_out_and_answered)
{
	static const char body[] = "{\"who\":\"Kim\",\"note\":\"\\uae40\"}";
	struct api api = start_api();
	char request[512];

	answer_with = MW_E_OK;
	(void)snprintf(request, sizeof(request), ACK JSON OURS "Content-Length: %zu\r\n\r\n%s",
		       strlen(body), body);
	expect(&api, request, "\"ok\":true,\"state\":\"acknowledged-active\"");
	ck_assert_str_eq(got.event, ID);
	ck_assert_int_eq(got.kind, MW_COMMAND_ACK);
	ck_assert_str_eq(got.who, "Kim");
	ck_assert_str_eq(got.note, "김");
	answer_with = MW_E_INVAL;
	expect(&api, request, " 409 ");
	answer_with = MW_E_NOTFOUND;
	expect(&api, request, " 404 ");
	answer_with = MW_E_IO;
	expect(&api, request, " 503 ");
	refuse_with = MW_E_FULL;
	expect(&api, request, "too many commands wait");
	refuse_with = MW_E_AGAIN;
	expect(&api, request, " 503 ");
	refuse_with = MW_E_OK;
	stop_api(&api);
}
END_TEST

START_TEST(a_command_that_another_site_may_have_sent_is_refused)
{
	static const struct {
		const char *headers, *answer;
	} cases[] = {
	    {JSON NOBODY, " 403 "},
	    {JSON OURS "Origin: http://evil.example\r\n" NOBODY, " 403 "},
	    {JSON OURS "Origin: null\r\n" NOBODY, " 403 "},
	    {JSON OURS "Origin: http://127.0.0.1:1\r\n" NOBODY, " 403 "}, /* another port */
	    {JSON OURS "Sec-Fetch-Site: cross-site\r\n" NOBODY, " 403 "},
	    {JSON OURS "Sec-Fetch-Site: same-site\r\n" NOBODY, " 403 "},
	    {OURS "Content-Type: text/plain\r\n" NOBODY, " 415 "},
	    {OURS "Content-Type: application/jsonp\r\n" NOBODY, " 415 "},
	    {OURS NOBODY, " 415 "},
	    {JSON OURS "Origin: http://127.0.0.1\r\n" NOBODY, " 200 "},
	    {JSON OURS "Sec-Fetch-Site: same-origin\r\n" NOBODY, " 200 "},
	};
	struct api api = start_api();
	char request[512];

	answer_with = MW_E_OK;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = atomic_load(&calls);
		bool passes = strcmp(cases[i].answer, " 200 ") == 0;

		(void)snprintf(request, sizeof(request), ACK "%s", cases[i].headers);
		expect(&api, request, cases[i].answer);
		ck_assert_int_eq(atomic_load(&calls) - before, passes);
	}
	stop_api(&api);
}
END_TEST

START_TEST(a_name_that_is_not_this_machine_is_refused)
{
	static const char *const good[] = {"127.0.0.1", "127.0.0.1:8787", "localhost:1",
					   "LOCALHOST", "[::1]:8787"};
	static const char *const bad[] = {"evil.example", "127.0.0.1.evil.example",
					  "localhost.evil.example", "", "[::1].evil.example"};
	struct api api = start_api();
	char request[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(request, sizeof(request),
			       "GET /v1/assets HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			       good[i]);
		expect(&api, request, " 200 ");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(request, sizeof(request),
			       "GET /v1/events HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			       bad[i]);
		expect(&api, request, " 421 ");
	}
	stop_api(&api);
}
END_TEST

START_TEST(a_bad_command_says_what_is_wrong)
{
	static const struct {
		const char *what, *body, *answer;
	} cases[] = {
	    {"ack", "", "not a JSON object"},
	    {"ack", "[]", "not a JSON object"},
	    {"ack", "{\"who\":1}", "who"},
	    {"ack", "{\"who\":\"a\\u0007\"}", "who"},
	    {"ack", "{\"who\":\"a\",\"who\":\"b\"}", "not a JSON object"},
	    {"ack", "{\"said\":\"true\"}", "said: no member"},
	    {"ack", "{\"event\":\"ev-ffffffffffffffff\"}", "event"},
	    {"shelve", "{\"duration_s\":0}", "duration_s"},
	    {"shelve", "{\"duration_s\":1e300}", "duration_s"},
	    {"shelve", "{\"duration_s\":\"8h\"}", "duration_s"},
	    {"feedback", "{}", "said: missing"},
	    {"feedback", "{\"said\":\"none\"}", "said"},
	    {"feedback", "{\"said\":true}", "said"},
	};
	struct api api = start_api();
	char request[512];
	int before = atomic_load(&calls);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(request, sizeof(request),
			       "POST /v1/events/" ID "/%s HTTP/1.1\r\nHost: localhost\r\n"
			       "Connection: close\r\n" JSON OURS "Content-Length: %zu\r\n\r\n%s",
			       cases[i].what, strlen(cases[i].body), cases[i].body);
		expect(&api, request, " 400 ");
		expect(&api, request, cases[i].answer);
	}
	expect(&api,
	       "POST /v1/events/ev-x/ack HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" JSON
		   OURS NOBODY,
	       " 404 ");
	ck_assert_int_eq(atomic_load(&calls), before);
	stop_api(&api);
}
END_TEST

START_TEST(a_body_past_its_limit_is_refused_and_the_server_stands)
{
	struct api api = start_api();
	size_t size = 1 << 20;
	char *request = malloc(size + 512), *answer;
	int head = snprintf(request, 512, ACK JSON OURS "Content-Length: %zu\r\n\r\n", size);

	memset(request + head, ' ', size);
	answer = talk_bytes(&api, request, (size_t)head + size);
	ck_assert_msg(strstr(answer, " 413 "), "%.200s", answer);
	free(answer);
	free(request);
	expect(&api, "GET /v1/assets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	       " 200 ");
	stop_api(&api);
}
END_TEST

/* The value of a header of an answer. */
static void header_of(const char *answer, const char *name, char *ret_value, size_t size)
{
	const char *at = strstr(answer, name);
	size_t length;

	ck_assert_ptr_nonnull(at);
	at += strlen(name);
	length = strcspn(at, "\r");
	ck_assert_uint_lt(length, size);
	memcpy(ret_value, at, length);
	ret_value[length] = '\0';
}

START_TEST(what_has_not_changed_is_not_sent_again)
{
	struct api api = start_api();
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);
	char etag[64], request[256];
	char *answer = talk(&api, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n"
				  "Connection: close\r\n\r\n");

	header_of(answer, "ETag: ", etag, sizeof(etag));
	free(answer);
	(void)snprintf(request, sizeof(request),
		       "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		       "If-None-Match: %s\r\n\r\n",
		       etag);
	expect(&api, request, " 304 ");
	ck_assert(put(api.store, &event, MW_TRANSITION_RAISED));
	expect(&api, request, event.id);
	stop_api(&api);
}
END_TEST

START_TEST(only_loopback_is_listened_to)
{
	static const struct {
		const char *listen;
		mw_err err;
	} cases[] = {
	    {"", MW_E_OK},
	    {"127.0.0.1:8787", MW_E_OK},
	    {"127.1.2.3:0", MW_E_OK},
	    {"[::1]:8787", MW_E_OK},
	    {"0.0.0.0:8787", MW_E_CONFIG},
	    {"192.168.1.5:8787", MW_E_CONFIG},
	    {"[::]:8787", MW_E_CONFIG},
	    {"127.0.0.1", MW_E_CONFIG},
	    {"127.0.0.1:", MW_E_CONFIG},
	    {"127.0.0.1:99999", MW_E_CONFIG},
	    {"127.0.0.1:-1", MW_E_CONFIG},
	    {"localhost:8787", MW_E_CONFIG},
	    {":8787", MW_E_CONFIG},
	};
	char why[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(mw_http_check_listen(cases[i].listen, why, sizeof(why)) ==
				  cases[i].err,
			      "%s", cases[i].listen);
}
END_TEST

/* A connection sleeps while its command is carried out: the stop waits for the answer, not for ever. */
START_TEST(a_stop_waits_for_the_commands_at_work)
{
	for (int i = 0; i < 20; i++) {
		struct api api = start_api();
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		static const char request[] = ACK JSON OURS NOBODY;

		answer_with = MW_E_OK;
		ck_assert_int_eq(
		    connect(fd, (const struct sockaddr *)&api.address, sizeof(api.address)), 0);
		ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL),
				 (ssize_t)strlen(request));
		stop_api(&api);
		close(fd);
	}
}
END_TEST

MW_TEST_MAIN("page", every_file_of_the_page_comes_with_type_policy_and_tag,
	     the_page_holds_no_inline_script_and_no_foreign_address,
	     a_command_is_carried_out_and_answered,
	     a_command_that_another_site_may_have_sent_is_refused,
	     a_name_that_is_not_this_machine_is_refused, a_bad_command_says_what_is_wrong,
	     a_body_past_its_limit_is_refused_and_the_server_stands,
	     what_has_not_changed_is_not_sent_again, only_loopback_is_listened_to,
	     a_stop_waits_for_the_commands_at_work)
