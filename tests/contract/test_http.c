/* The API as it is used: a real unix socket, libmicrohttpd on one side, libcurl on the other. */
#include "gateway/io/client.h"
#include "gateway/io/http.h"
#include "gateway/io/json.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NOON (1772625600LL * SECOND)

struct api {
	char dir[64], db[96], socket[96];
	struct mw_store *store;
	struct mw_http *http;
};

static mw_err status(void *ctx, char **ret_json)
{
	int *calls = ctx;

	if (++*calls > 2)
		return MW_E_IO;
	*ret_json = strdup("{\"online\":true,\"windows\":7}");
	return *ret_json ? MW_E_OK : MW_E_NOMEM;
}

static int status_calls;

static struct mw_http_opts options(struct api *api)
{
	return (struct mw_http_opts){.socket = api->socket,
				     .gateway = "g1",
				     .store = api->store,
				     .status = status,
				     .ctx = &status_calls};
}

static void start_api(struct api *api)
{
	struct mw_store_opts opts = {.path = api->db};
	struct mw_http_opts http;
	char why[256] = "";

	strcpy(api->dir, "/tmp/millwright-http-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(api->dir));
	(void)snprintf(api->db, sizeof(api->db), "%s/store.db", api->dir);
	(void)snprintf(api->socket, sizeof(api->socket), "%s/api.sock", api->dir);
	ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &api->store), MW_E_OK);
	http = options(api);
	ck_assert_msg(mw_http_start(&http, why, sizeof(why), &api->http) == MW_E_OK, "%s", why);
}

static void stop_api(struct api *api)
{
	mw_http_stop(api->http);
	ck_assert_int_ne(access(api->socket, F_OK), 0);
	mw_store_close(api->store);
	ck_assert_int_eq(unlink(api->db), 0);
	ck_assert_int_eq(rmdir(api->dir), 0);
}

static void put(struct api *api, const struct mw_event *event)
{
	struct mw_event_window window = make_window(event);
	bool is_new;

	ck_assert_int_eq(
	    mw_store_event_put(api->store, event, &window, MW_TRANSITION_RAISED, "t", &is_new),
	    MW_E_OK);
}

static size_t list(struct api *api, const char *path)
{
	struct mw_event *event;
	char why[256] = "", *body;
	size_t size, n;

	ck_assert_msg(mw_client_get(api->socket, path, why, sizeof(why), &body, &size) == MW_E_OK,
		      "%s: %s", path, why);
	ck_assert_int_eq(mw_json_parse_events(body, size, &event, &n), MW_E_OK);
	free(event);
	free(body);
	return n;
}

static mw_err refuse(struct api *api, const char *path, char *why, size_t why_size)
{
	char *body;
	size_t size;

	return mw_client_get(api->socket, path, why, why_size, &body, &size);
}

START_TEST(an_event_travels_through_the_socket_unchanged)
{
	struct api api;
	struct mw_event in = make_event("line 1/p#7?&", NOON + 123456789, MW_LANGUAGE_KO), out;
	struct mw_event_window window = make_window(&in), window_out;
	char why[256] = "", path[64], *body;
	size_t size;

	start_api(&api);
	put(&api, &in);
	(void)snprintf(path, sizeof(path), "/v1/events/%s", in.id);
	ck_assert_msg(mw_client_get(api.socket, path, why, sizeof(why), &body, &size) == MW_E_OK,
		      "%s", why);
	ck_assert_int_eq(mw_json_parse_event(body, size, &out, &window_out), MW_E_OK);
	ck_assert(same_event(&in, &out));
	ck_assert(same_window(&window, &window_out));
	free(body);
	stop_api(&api);
}
END_TEST

START_TEST(a_list_is_filtered_by_what_the_address_says)
{
	struct api api;
	char path[256], *asset = mw_client_escape("line 1/p#7?&"), *text;

	start_api(&api);
	for (int i = 0; i < 6; i++) {
		struct mw_event event = make_event(i % 2 ? "line 1/p#7?&" : "p2", NOON + i * SECOND,
						   i < 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);

		event.cleared_ns = i < 3 ? event.raised_ns + SECOND : 0;
		put(&api, &event);
	}
	ck_assert_uint_eq(list(&api, "/v1/events"), 6);
	ck_assert_uint_eq(list(&api, "/v1/events?limit=4"), 4);
	ck_assert_uint_eq(list(&api, "/v1/events?active=1"), 3);
	ck_assert_uint_eq(list(&api, "/v1/events?active=0&asset="), 6);
	ck_assert_uint_eq(
	    list(&api, "/v1/events?from=2026-03-04T12:00:02Z&to=2026-03-04T12:00:04Z"), 2);
	(void)snprintf(path, sizeof(path), "/v1/events?asset=%s", asset);
	ck_assert_uint_eq(list(&api, path), 3);
	free(asset);
	text = mw_client_escape("흡입 필터");
	(void)snprintf(path, sizeof(path), "/v1/events?text=%s", text);
	ck_assert_uint_eq(list(&api, path), 2);
	free(text);
	stop_api(&api);
}
END_TEST

START_TEST(what_is_wrong_with_a_request_is_said)
{
	static const struct {
		const char *path;
		mw_err err;
		const char *reason;
	} cases[] = {
	    {"/v1/events/ev-none", MW_E_NOTFOUND, "no such event"},
	    {"/v2", MW_E_NOTFOUND, "nothing at this address"},
	    {"/v1/events?limit=0", MW_E_INVAL, "limit"},
	    {"/v1/events?limit=7x", MW_E_INVAL, "limit"},
	    {"/v1/events?limit=99999999999999999999", MW_E_INVAL, "limit"},
	    {"/v1/events?from=yesterday", MW_E_INVAL, "from"},
	    {"/v1/events?to=2026-13-01", MW_E_INVAL, "to"},
	};
	char longest[3000] = "/v1/events/", why[256];
	struct api api;

	start_api(&api);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(refuse(&api, cases[i].path, why, sizeof(why)), cases[i].err);
		ck_assert_msg(strstr(why, cases[i].reason), "%s: %s", cases[i].path, why);
	}
	memset(longest + strlen(longest), 'a', sizeof(longest) - strlen(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(refuse(&api, longest, why, sizeof(why)), MW_E_IO);
	ck_assert_msg(strstr(why, "414"), "%s", why);
	stop_api(&api);
}
END_TEST

START_TEST(the_status_is_passed_through)
{
	struct api api;
	char why[256], *body;
	size_t size;

	status_calls = 0;
	start_api(&api);
	ck_assert_int_eq(mw_client_get(api.socket, "/v1/status", why, sizeof(why), &body, &size),
			 MW_E_OK);
	ck_assert_str_eq(body, "{\"online\":true,\"windows\":7}");
	free(body);
	status_calls = 2; /* and its failure, too */
	ck_assert_int_eq(refuse(&api, "/v1/status", why, sizeof(why)), MW_E_IO);
	ck_assert_msg(strstr(why, "503"), "%s", why);
	stop_api(&api);
}
END_TEST

/* One request as raw bytes; the answer's beginning. */
static void talk(const char *path, const char *request, char *ret_answer, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t at = 0;
	ssize_t n;

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (int)strlen(request));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	while (at + 1 < size && (n = read(fd, ret_answer + at, size - 1 - at)) > 0)
		at += (size_t)n;
	ret_answer[at] = '\0';
	close(fd);
}

START_TEST(only_reading_is_served)
{
	static const struct {
		const char *request, *answer;
	} cases[] = {
	    {"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", " 405 "},
	    {"DELETE /v1/events/ev-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", " 405 "},
	    {"HEAD /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", " 200 "},
	    {"GET /v1/events/../../etc/passwd HTTP/1.0\r\n\r\n", " 404 "},
	    {"GET /v1/events/%00 HTTP/1.0\r\n\r\n", " 404 "},
	    {"GET /../gateway/page/page.js HTTP/1.0\r\n\r\n", " 404 "},
	    {"GET /%2e%2e/page.js HTTP/1.0\r\n\r\n", " 404 "},
	    {"GET //page.js HTTP/1.0\r\n\r\n", " 404 "},
	    {"GET /index.html HTTP/1.0\r\n\r\n", " 404 "},
	    {"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", " 405 "},
	    {"PUT /page.js HTTP/1.0\r\nContent-Length: 0\r\n\r\n", " 405 "},
	    {"OPTIONS /v1/events/ev-0123456789abcdef/ack HTTP/1.0\r\n\r\n", " 405 "},
	    {"GET /v1/events/ev-0123456789abcdef/ack HTTP/1.0\r\n\r\n", " 405 "},
	    {"GET /v1/events/ev-0123456789abcdef/dance HTTP/1.0\r\n\r\n", " 404 "},
	};
	struct api api;
	char answer[1024];

	start_api(&api);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk(api.socket, cases[i].request, answer, sizeof(answer));
		ck_assert_msg(strstr(answer, cases[i].answer), "%s: %s", cases[i].request, answer);
	}
	talk(api.socket, "\x16\x03\x01 nonsense\r\n\r\n", answer, sizeof(answer));
	ck_assert_uint_eq(list(&api, "/v1/events"), 0); /* it still stands */
	stop_api(&api);
}
END_TEST

START_TEST(the_socket_is_for_owner_and_group_whatever_the_umask)
{
	struct api api;
	struct stat st;

	(void)umask(0);
	start_api(&api);
	ck_assert_int_eq(stat(api.socket, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	stop_api(&api);
}
END_TEST

START_TEST(a_dead_socket_is_replaced_a_living_one_is_not)
{
	struct api api;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct mw_http_opts opts;
	struct mw_http *second = NULL;
	char why[256] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	start_api(&api);
	opts = options(&api);
	ck_assert_int_eq(mw_http_start(&opts, why, sizeof(why), &second), MW_E_IO);
	ck_assert_msg(strstr(why, "another daemon"), "%s", why);
	ck_assert_uint_eq(list(&api, "/v1/events"), 0); /* the first is unharmed */
	mw_http_stop(api.http);
	strcpy(address.sun_path,
	       api.socket); /* what kill -9 leaves: a file that nobody listens to */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_msg(mw_http_start(&opts, why, sizeof(why), &api.http) == MW_E_OK, "%s", why);
	ck_assert_uint_eq(list(&api, "/v1/events"), 0);
	stop_api(&api);
}
END_TEST

START_TEST(a_file_at_the_sockets_path_is_left_alone)
{
	struct api api;
	struct mw_http_opts opts;
	struct mw_http *http = NULL;
	char why[256] = "", path[96];

	start_api(&api);
	opts = options(&api);
	(void)snprintf(path, sizeof(path), "%s/notes.txt", api.dir);
	fclose(fopen(path, "w"));
	opts.socket = path;
	ck_assert_int_eq(mw_http_start(&opts, why, sizeof(why), &http), MW_E_IO);
	ck_assert_int_eq(unlink(path), 0);
	opts.socket = "/nonexistent/a.sock";
	ck_assert_int_eq(mw_http_start(&opts, why, sizeof(why), &http), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/a.sock"));
	opts.socket =
	    "/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	ck_assert_int_eq(mw_http_start(&opts, why, sizeof(why), &http), MW_E_CONFIG);
	stop_api(&api);
}
END_TEST

START_TEST(a_client_without_a_daemon_says_what_to_do)
{
	char why[256] = "", *body;
	size_t size;

	ck_assert_int_eq(
	    mw_client_get("/nonexistent/a.sock", "/v1/status", why, sizeof(why), &body, &size),
	    MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/a.sock"));
	ck_assert_ptr_nonnull(strstr(why, "--db"));
}
END_TEST

START_TEST(more_connections_than_allowed_do_no_harm)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct api api;
	int fd[60];

	start_api(&api);
	strcpy(address.sun_path, api.socket);
	for (size_t i = 0; i < 60; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fd[i], (struct sockaddr *)&address, sizeof(address));
	}
	for (size_t i = 0; i < 60; i++)
		close(fd[i]);
	ck_assert_uint_eq(list(&api, "/v1/events"), 0);
	stop_api(&api);
}
END_TEST

MW_TEST_MAIN("http", an_event_travels_through_the_socket_unchanged,
	     a_list_is_filtered_by_what_the_address_says, what_is_wrong_with_a_request_is_said,
	     the_status_is_passed_through, only_reading_is_served,
	     the_socket_is_for_owner_and_group_whatever_the_umask,
	     a_dead_socket_is_replaced_a_living_one_is_not,
	     a_file_at_the_sockets_path_is_left_alone, a_client_without_a_daemon_says_what_to_do,
	     more_connections_than_allowed_do_no_harm)
