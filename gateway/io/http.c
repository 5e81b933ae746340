#include "gateway/io/http.h"

#include "gateway/base/clock.h"
#include "gateway/io/json.h"
#include "gateway/io/when.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_URL           1024
#define MAX_CONNECTIONS   32
#define MAX_REQUEST_BYTES (32 * 1024) /* header lines of one connection */
#define TIMEOUT_S         10
#define SOCKET_MODE       0660

struct mw_http {
	struct mw_http_opts opts; /* strings are copies below */
	char *socket, *gateway;
	struct MHD_Daemon *daemon;
	dev_t socket_dev;
	ino_t socket_ino;
};

struct answer {
	unsigned status;
	char *body; /* owned until sent */
};

/* --- what is asked for ------------------------------------------------------------------------ */

static struct answer failure(unsigned status, const char *reason)
{
	struct answer answer = {.status = status};
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "error", reason);
	if (mw_json_finish(object, &answer.body))
		answer.body = NULL;
	return answer;
}

static struct answer store_failure(struct mw_http *http, mw_err err)
{
	if (err == MW_E_NOTFOUND)
		return failure(MHD_HTTP_NOT_FOUND, "no such event");
	if (err == MW_E_NOMEM)
		return failure(MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	return failure(MHD_HTTP_INTERNAL_SERVER_ERROR, mw_store_why(http->opts.store));
}

static struct answer get_status(struct mw_http *http)
{
	struct answer answer = {.status = MHD_HTTP_OK};
	mw_err err = http->opts.status(http->opts.ctx, &answer.body);

	return err ? failure(MHD_HTTP_SERVICE_UNAVAILABLE, mw_err_text(err)) : answer;
}

static const char *argument(struct MHD_Connection *connection, const char *key)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);

	return value && *value ? value : NULL;
}

static bool parse_limit(const char *text, int64_t *ret_limit)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || value < 1 || value > 10000)
		return false;
	*ret_limit = value;
	return true;
}

static const char *parse_query(struct MHD_Connection *connection, struct mw_event_query *query)
{
	const char *from = argument(connection, "from"), *to = argument(connection, "to");
	const char *limit = argument(connection, "limit");
	const char *active = argument(connection, "active");
	int64_t now_ns = mw_clock_now_ns();

	query->asset = argument(connection, "asset");
	query->text = argument(connection, "text");
	query->active_only = active && (strcmp(active, "1") == 0 || strcmp(active, "true") == 0);
	if (from && mw_when_parse(from, now_ns, &query->from_ns))
		return "from: not a time (ISO 8601, or relative such as -24h)";
	if (to && mw_when_parse(to, now_ns, &query->to_ns))
		return "to: not a time (ISO 8601, or relative such as -24h)";
	if (limit && !parse_limit(limit, &query->limit))
		return "limit: not a number from 1 to 10000";
	return NULL;
}

static struct answer get_events(struct mw_http *http, struct MHD_Connection *connection)
{
	struct answer answer = {.status = MHD_HTTP_OK};
	struct mw_event_query query = {0};
	struct mw_event *event = NULL;
	size_t n = 0;
	const char *wrong = parse_query(connection, &query);
	mw_err err;

	if (wrong)
		return failure(MHD_HTTP_BAD_REQUEST, wrong);
	err = mw_store_events(http->opts.store, &query, &event, &n);
	if (err)
		return store_failure(http, err);
	err = mw_json_events(event, n, http->gateway, &answer.body);
	free(event);
	return err ? store_failure(http, err) : answer;
}

static struct answer get_event(struct mw_http *http, const char *id)
{
	struct answer answer = {.status = MHD_HTTP_OK};
	struct mw_event event;
	struct mw_event_window window;
	mw_err err = mw_store_event_get(http->opts.store, id, &event, &window);

	if (!err)
		err = mw_json_event(&event, &window, http->gateway, &answer.body);
	return err ? store_failure(http, err) : answer;
}

static struct answer route(struct mw_http *http, struct MHD_Connection *connection, const char *url,
			   const char *method)
{
	static const char events[] = "/v1/events";
	size_t prefix = sizeof(events) - 1;

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return failure(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is served here");
	if (strlen(url) > MAX_URL)
		return failure(MHD_HTTP_URI_TOO_LONG, "the address is too long");
	if (strcmp(url, "/v1/status") == 0)
		return get_status(http);
	if (strcmp(url, events) == 0)
		return get_events(http, connection);
	if (strncmp(url, events, prefix) == 0 && url[prefix] == '/')
		return get_event(http, url + prefix + 1);
	return failure(MHD_HTTP_NOT_FOUND, "there is nothing at this address");
}

/* --- libmicrohttpd ---------------------------------------------------------------------------- */

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer answer)
{
	static char no_memory[] = "{\"error\":\"out of memory\"}";
	bool owned = answer.body != NULL;
	char *body = owned ? answer.body : no_memory;
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(body), body, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response) {
		free(answer.body);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, "Content-Type", "application/json");
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(connection, answer.status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	static char seen;

	(void)version, (void)upload;
	if (*state ==
	    NULL) { /* the first call has the headers only; answering now would cut uploads */
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	return send_answer(connection, route(ctx, connection, url, method));
}

/* --- the socket ------------------------------------------------------------------------------- */

static mw_err make_address(const char *path, struct sockaddr_un *ret_address, char *why,
			   size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return mw_why(MW_E_CONFIG, why, why_size,
			      "%s: a socket's path has at most %zu characters", path,
			      sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	*ret_address = address;
	return MW_E_OK;
}

/* Removes what a killed daemon left, but nothing else and nobody's living socket. */
static mw_err clear_path(const struct sockaddr_un *address, char *why, size_t why_size)
{
	struct stat st;
	int fd, answered;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? MW_E_OK
				       : mw_why(MW_E_IO, why, why_size, "%s: %s", address->sun_path,
						strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return mw_why(MW_E_IO, why, why_size, "%s: there is a file that is not a socket",
			      address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	answered =
	    fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			errno == EAGAIN);
	if (fd >= 0)
		(void)close(fd);
	if (answered)
		return mw_why(MW_E_IO, why, why_size, "%s: another daemon answers there",
			      address->sun_path);
	if (unlink(address->sun_path) != 0)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", address->sun_path, strerror(errno));
	return MW_E_OK;
}

static mw_err listen_at(struct mw_http *http, char *why, size_t why_size, int *ret_fd)
{
	struct sockaddr_un address;
	struct stat st;
	int fd;
	mw_err err = make_address(http->socket, &address, why, why_size);

	if (!err)
		err = clear_path(&address, why, why_size);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* fchmod before bind: the file is never open to more than it shall be, whatever the umask.
	 */
	if (fd < 0 || fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(http->socket, SOCKET_MODE) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    stat(http->socket, &st) != 0) {
		err = mw_why(MW_E_IO, why, why_size, "%s: %s", http->socket, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	http->socket_dev = st.st_dev;
	http->socket_ino = st.st_ino;
	*ret_fd = fd;
	return MW_E_OK;
}

static mw_err start(struct mw_http *http, char *why, size_t why_size)
{
	int fd = -1;
	mw_err err = listen_at(http, why, why_size, &fd);

	if (err)
		return err;
	http->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, http, MHD_OPTION_LISTEN_SOCKET,
	    (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)MAX_REQUEST_BYTES, MHD_OPTION_END);
	if (http->daemon)
		return MW_E_OK;
	(void)close(fd);
	(void)unlink(http->socket);
	return mw_why(MW_E_IO, why, why_size, "%s: the HTTP server does not start", http->socket);
}

mw_err mw_http_start(const struct mw_http_opts *opts, char *why, size_t why_size,
		     struct mw_http **ret_http)
{
	struct mw_http *http = calloc(1, sizeof(*http));
	mw_err err = MW_E_NOMEM;

	if (http) {
		http->opts = *opts;
		http->socket = strdup(opts->socket);
		http->gateway = strdup(opts->gateway);
	}
	if (http && http->socket && http->gateway)
		err = start(http, why, why_size);
	else
		(void)mw_why(err, why, why_size, "out of memory");
	if (err) {
		mw_http_stop(http);
		return err;
	}
	*ret_http = http;
	return MW_E_OK;
}

void mw_http_stop(struct mw_http *http)
{
	struct stat st;

	if (!http)
		return;
	if (http->daemon) {
		MHD_stop_daemon(http->daemon);
		/* Another daemon may have taken the path meanwhile. */
		if (stat(http->socket, &st) == 0 && st.st_dev == http->socket_dev &&
		    st.st_ino == http->socket_ino)
			(void)unlink(http->socket);
	}
	free(http->socket);
	free(http->gateway);
	free(http);
}
