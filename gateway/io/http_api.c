/* What is asked for, and what is answered; knows nothing of the server. */
#include "gateway/base/clock.h"
#include "gateway/io/http_impl.h"
#include "gateway/io/json.h"
#include "gateway/io/page.h"
#include "gateway/io/when.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_URL  1024
#define MAX_LIST 10000
#define EVENTS   "/v1/events"

enum status {
	OK = 200,
	NOT_MODIFIED = 304,
	BAD_REQUEST = 400,
	FORBIDDEN = 403,
	NOT_FOUND = 404,
	NOT_ALLOWED = 405,
	CONFLICT = 409,
	TOO_LARGE = 413,
	URI_TOO_LONG = 414,
	UNSUPPORTED = 415,
	MISDIRECTED = 421,
	INTERNAL = 500,
	UNAVAILABLE = 503
};

static const char json_type[] = "application/json";

/* --- answers ---------------------------------------------------------------------------------- */

struct http_answer http_failure(unsigned status, const char *reason)
{
	struct http_answer answer = {.status = status, .type = json_type};
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "error", reason);
	if (mw_json_finish(object, &answer.body))
		answer.body = NULL;
	return answer;
}

static struct http_answer store_failure(const struct http_request *request, mw_err err)
{
	if (err == MW_E_NOTFOUND)
		return http_failure(NOT_FOUND, "no such event");
	if (err == MW_E_NOMEM)
		return http_failure(UNAVAILABLE, "out of memory");
	return http_failure(INTERNAL, mw_store_why(request->opts->store));
}

static struct http_answer wrong_method(const char *allow)
{
	struct http_answer answer = http_failure(NOT_ALLOWED, "this method is not served here");

	answer.allow = allow;
	return answer;
}

/* One of the tags that the client has? */
static bool is_known(const struct http_request *request, const char *etag)
{
	const char *known = request->header(request, "If-None-Match");

	return known && strstr(known, etag) != NULL;
}

static struct http_answer not_modified(const char *etag)
{
	struct http_answer answer = {.status = NOT_MODIFIED, .type = json_type, .fixed = ""};

	(void)snprintf(answer.etag, sizeof(answer.etag), "%s", etag);
	return answer;
}

static uint64_t hash_text(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* What a callback tells; tagged by what it says. */
static struct http_answer told(const struct http_request *request,
			       mw_err (*tell)(void *ctx, char **ret_text), const char *type)
{
	struct http_answer answer = {.status = OK, .type = type};
	char etag[HTTP_ETAG_SIZE];
	mw_err err = tell ? tell(request->opts->ctx, &answer.body) : MW_E_UNSUPPORTED;

	if (err)
		return http_failure(err == MW_E_UNSUPPORTED ? NOT_FOUND : UNAVAILABLE,
				    mw_err_text(err));
	(void)snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"", hash_text(answer.body));
	if (is_known(request, etag)) {
		free(answer.body);
		return not_modified(etag);
	}
	memcpy(answer.etag, etag, sizeof(etag));
	return answer;
}

/* --- events ----------------------------------------------------------------------------------- */

static const char *argument(const struct http_request *request, const char *key)
{
	const char *value = request->argument(request, key);

	return value && *value ? value : NULL;
}

static bool parse_limit(const char *text, int64_t *ret_limit)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || value < 1 || value > MAX_LIST)
		return false;
	*ret_limit = value;
	return true;
}

static bool is_state(const char *text)
{
	return mw_alarm_state_from_text(text) >= 0 || strcmp(text, "unacknowledged") == 0;
}

static const char *parse_times(const struct http_request *request, struct mw_event_query *query)
{
	const char *from = argument(request, "from"), *to = argument(request, "to");
	int64_t now_ns = mw_clock_now_ns();

	if (from && mw_when_parse(from, now_ns, &query->from_ns))
		return "from: not a time (ISO 8601, or relative such as -24h)";
	if (to && mw_when_parse(to, now_ns, &query->to_ns))
		return "to: not a time (ISO 8601, or relative such as -24h)";
	return NULL;
}

static const char *parse_query(const struct http_request *request, struct mw_event_query *query)
{
	const char *limit = argument(request, "limit"), *active = argument(request, "active");

	query->asset = argument(request, "asset");
	query->text = argument(request, "text");
	query->state = argument(request, "state");
	query->fault = argument(request, "fault");
	query->before = argument(request, "before");
	query->active_only = active && (strcmp(active, "1") == 0 || strcmp(active, "true") == 0);
	if (limit && !parse_limit(limit, &query->limit))
		return "limit: not a number from 1 to 10000";
	if (query->state && !is_state(query->state))
		return "state: not an alarm state";
	if (query->fault && mw_fault_from_code(query->fault) < 0)
		return "fault: not a fault's code";
	return parse_times(request, query);
}

/* The state of the store: a list looks the same while nothing has been written. */
static char *store_etag(const struct http_request *request, char etag[HTTP_ETAG_SIZE])
{
	(void)snprintf(etag, HTTP_ETAG_SIZE, "\"%" PRIx64 "-%" PRIx64 "\"", request->started,
		       mw_store_changes(request->opts->store));
	return etag;
}

static struct http_answer get_events(const struct http_request *request)
{
	struct http_answer answer = {.status = OK, .type = json_type};
	struct mw_event_query query = {0};
	struct mw_event *event = NULL;
	size_t n = 0;
	const char *wrong = parse_query(request, &query);
	mw_err err;

	if (wrong)
		return http_failure(BAD_REQUEST, wrong);
	if (is_known(request, store_etag(request, answer.etag)))
		return not_modified(answer.etag);
	err = mw_store_events(request->opts->store, &query, &event, &n);
	if (!err)
		err = mw_json_events(event, n, request->opts->gateway, &answer.body);
	free(event);
	return err ? store_failure(request, err) : answer;
}

static struct http_answer get_event(const struct http_request *request, const char *id)
{
	struct http_answer answer = {.status = OK, .type = json_type};
	struct mw_log_entry *log = NULL;
	struct mw_event event;
	struct mw_event_window window;
	size_t n_log = 0;
	mw_err err;

	if (is_known(request, store_etag(request, answer.etag)))
		return not_modified(answer.etag);
	err = mw_store_event_get(request->opts->store, id, &event, &window);
	if (!err)
		err = mw_store_event_log(request->opts->store, id, &log, &n_log);
	if (!err)
		err = mw_json_event_logged(&event, &window, log, n_log, request->opts->gateway,
					   &answer.body);
	free(log);
	return err ? store_failure(request, err) : answer;
}

/* --- who asks --------------------------------------------------------------------------------- */

/* A name that only this machine answers to, with or without a port. */
static bool is_loopback_name(const char *host)
{
	static const char *const name[] = {"127.0.0.1", "localhost", "[::1]"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		size_t length = strlen(name[i]);

		if (strncasecmp(host, name[i], length) == 0 &&
		    (host[length] == '\0' || host[length] == ':'))
			return true;
	}
	return false;
}

/* "http://127.0.0.1:8787" of the Host "127.0.0.1:8787". */
static bool is_same_origin(const char *origin, const char *host)
{
	const char *name = strstr(origin, "://");

	return name && host && strcasecmp(name + 3, host) == 0;
}

/* A browser says where a request comes from; a page of elsewhere can neither hide that nor add our header
 * without asking first, which is never granted. */
static bool is_foreign(const struct http_request *request)
{
	const char *site = request->header(request, "Sec-Fetch-Site");
	const char *origin = request->header(request, "Origin");

	if (!request->header(request, "X-Millwright"))
		return true;
	if (site)
		return strcmp(site, "same-origin") != 0;
	return origin && !is_same_origin(origin, request->header(request, "Host"));
}

/* --- commands --------------------------------------------------------------------------------- */

static bool is_json(const struct http_request *request)
{
	const char *type = request->header(request, "Content-Type");
	size_t length = sizeof(json_type) - 1;

	return type && strncasecmp(type, json_type, length) == 0 &&
	       (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

static struct http_answer bad_command(mw_err err, const char *why)
{
	return http_failure(err == MW_E_NOTFOUND ? NOT_FOUND : BAD_REQUEST, why);
}

/* "<id>/<what>" */
static struct http_answer post_command(const struct http_request *request, const char *path)
{
	struct http_answer answer = {.is_command = true};
	const char *slash = strchr(path, '/');
	char id[MW_EVENT_ID_SIZE], why[128] = "";
	int kind = slash ? mw_command_from_text(slash + 1) : -1;
	mw_err err;

	if (kind < 0)
		return wrong_method("GET, HEAD");
	if (strcmp(request->method, "POST") != 0)
		return wrong_method("POST");
	if (is_foreign(request))
		return http_failure(
		    FORBIDDEN,
		    "a command carries the header X-Millwright and comes from this page");
	if (!is_json(request))
		return http_failure(UNSUPPORTED, "a command is application/json");
	if ((size_t)snprintf(id, sizeof(id), "%.*s", (int)(slash - path), path) >= sizeof(id))
		return http_failure(NOT_FOUND, "no such event");
	err = mw_json_parse_command(request->body, request->body_size, (enum mw_command_kind)kind,
				    id, "api", why, sizeof(why), &answer.command);
	return err ? bad_command(err, why) : answer;
}

static unsigned status_of(mw_err err)
{
	switch (err) {
	case MW_E_OK:
		return OK;
	case MW_E_NOTFOUND:
		return NOT_FOUND;
	case MW_E_INVAL:
		return CONFLICT;
	default:
		return UNAVAILABLE;
	}
}

struct http_answer http_reply(const struct mw_command_result *result)
{
	struct http_answer answer = {.status = status_of(result->err), .type = json_type};

	if (mw_json_reply(result, &answer.body))
		answer.body = NULL;
	return answer;
}

bool http_is_refused(const struct http_request *request, struct http_answer *ret_answer)
{
	const char *host = request->header(request, "Host");

	if (strlen(request->url) > MAX_URL)
		*ret_answer = http_failure(URI_TOO_LONG, "the address is too long");
	else if (request->on_loopback && !(host && is_loopback_name(host)))
		*ret_answer = http_failure(MISDIRECTED, "this machine is not called so");
	else
		return false;
	return true;
}

/* --- the ways --------------------------------------------------------------------------------- */

static const struct mw_page_file *find_page(const char *url)
{
	for (const struct mw_page_file *file = mw_page_files; file->path; file++)
		if (strcmp(file->path, url) == 0)
			return file;
	return NULL;
}

static struct http_answer get_page(const struct http_request *request,
				   const struct mw_page_file *file)
{
	struct http_answer answer = {.status = OK,
				     .type = file->type,
				     .fixed = file->data,
				     .size = file->size,
				     .is_page = true};

	(void)snprintf(answer.etag, sizeof(answer.etag), "%s", file->etag);
	if (is_known(request, file->etag)) { /* its headers replace those that the browser kept */
		answer.status = NOT_MODIFIED;
		answer.size = 0;
	}
	return answer;
}

static struct http_answer get(const struct http_request *request)
{
	const struct mw_page_file *file = find_page(request->url);
	const struct mw_http_opts *opts = request->opts;

	if (file)
		return get_page(request, file);
	if (strcmp(request->url, "/v1/status") == 0)
		return told(request, opts->status, json_type);
	if (strcmp(request->url, "/v1/assets") == 0)
		return told(request, opts->assets, json_type);
	if (strcmp(request->url, "/metrics") == 0)
		return told(request, opts->metrics, "text/plain; version=0.0.4; charset=utf-8");
	if (strcmp(request->url, EVENTS) == 0)
		return get_events(request);
	return http_failure(NOT_FOUND, "there is nothing at this address");
}

struct http_answer http_route(const struct http_request *request)
{
	size_t prefix = strlen(EVENTS "/");
	bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

	if (strncmp(request->url, EVENTS "/", prefix) == 0) {
		const char *rest = request->url + prefix;
		const char *slash = strchr(rest, '/');

		if (!reads || (slash && mw_command_from_text(slash + 1) >= 0))
			return post_command(request, rest);
		return get_event(request, rest);
	}
	return reads ? get(request) : wrong_method("GET, HEAD");
}
