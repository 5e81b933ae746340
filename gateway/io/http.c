#include "gateway/io/http.h"

#include "gateway/base/clock.h"
#include "gateway/io/http_impl.h"
#include "gateway/io/json.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CONNECTIONS   32
#define MAX_REQUEST_BYTES (32 * 1024) /* header lines of one connection */
#define TIMEOUT_S         10

/* Own scripts, styles and data, and nothing else from anywhere; in no one's frame. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct listener {
	struct mw_http *http;
	struct MHD_Daemon *daemon;
	bool on_loopback;
};

struct mw_http {
	struct mw_http_opts opts; /* strings are copies below */
	char *listen, *gateway;
	struct http_socket socket;
	char address[HTTP_ADDRESS_SIZE];
	uint64_t started;
	struct listener unix_socket, loopback;
	pthread_mutex_t lock; /* guards pending */
	pthread_cond_t answered;
	size_t pending; /* commands that the pipeline has */
	bool stopping;  /* no further ones */
};

/* One request, from its headers to its answer. */
struct exchange {
	struct mw_http *http;
	struct MHD_Connection *connection;
	char body[MW_COMMAND_BYTES];
	size_t size;
	bool too_large, waiting, answered;
	struct http_answer answer; /* of a command, when it is answered */
};

/* --- sending ---------------------------------------------------------------------------------- */

static void add_headers(struct MHD_Response *response, const struct http_answer *answer)
{
	(void)MHD_add_response_header(response, "Content-Type", answer->type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	(void)MHD_add_response_header(response, "Content-Security-Policy",
				      answer->is_page ? policy : "default-src 'none'");
	/* kept by nobody unasked: a tag alone lets what was kept be shown again */
	(void)MHD_add_response_header(response, "Cache-Control",
				      answer->etag[0] ? "no-cache" : "no-store");
	if (answer->etag[0])
		(void)MHD_add_response_header(response, "ETag", answer->etag);
	if (answer->allow)
		(void)MHD_add_response_header(response, "Allow", answer->allow);
}

/* MHD wants what it will not change as if it might. */
static void *unconst(const char *text)
{
	return (void *)(uintptr_t)text;
}

static struct MHD_Response *make_response(struct http_answer *answer)
{
	static const char no_memory[] = "{\"error\":\"out of memory\"}";

	if (answer->fixed)
		return MHD_create_response_from_buffer(answer->size, unconst(answer->fixed),
						       MHD_RESPMEM_PERSISTENT);
	if (!answer->body)
		return MHD_create_response_from_buffer(sizeof(no_memory) - 1, unconst(no_memory),
						       MHD_RESPMEM_PERSISTENT);
	return MHD_create_response_from_buffer(strlen(answer->body), answer->body,
					       MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *answer)
{
	struct MHD_Response *response = make_response(answer);
	enum MHD_Result result;

	if (!response) {
		free(answer->body);
		answer->body = NULL;
		return MHD_NO;
	}
	answer->body = NULL; /* the response has it */
	add_headers(response, answer);
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* --- commands --------------------------------------------------------------------------------- */

/* From the pipeline's thread: the exchange lives until its connection is resumed. */
static void on_done(void *ctx, const struct mw_command_result *result)
{
	struct exchange *exchange = ctx;
	struct mw_http *http = exchange->http;

	exchange->answer = http_reply(result);
	exchange->answered = true;
	MHD_resume_connection(exchange->connection);
	(void)pthread_mutex_lock(&http->lock);
	http->pending--;
	(void)pthread_cond_broadcast(&http->answered);
	(void)pthread_mutex_unlock(&http->lock);
}

static mw_err hand_in(struct exchange *exchange, const struct mw_command *command)
{
	const struct mw_http_opts *opts = &exchange->http->opts;

	if (!opts->command)
		return MW_E_UNSUPPORTED;
	return opts->command(opts->ctx, command, on_done, exchange);
}

/* The connection sleeps until the pipeline has answered; nobody else waits for that. */
static enum MHD_Result start_command(struct exchange *exchange, const struct mw_command *command)
{
	struct mw_http *http = exchange->http;
	struct mw_command_result refused = {.kind = command->kind};
	struct http_answer ends;
	bool stopping;

	(void)pthread_mutex_lock(&http->lock);
	stopping = http->stopping;
	http->pending += !stopping;
	(void)pthread_mutex_unlock(&http->lock);
	if (stopping) {
		ends = http_failure(MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon ends");
		return send_answer(exchange->connection, &ends);
	}
	exchange->waiting = true;
	MHD_suspend_connection(exchange->connection);
	refused.err = hand_in(exchange, command);
	if (refused.err) {
		memcpy(refused.event, command->event, sizeof(refused.event));
		(void)snprintf(refused.why, sizeof(refused.why), "%s",
			       refused.err == MW_E_FULL ? "too many commands wait"
							: "the daemon ends");
		on_done(exchange, &refused);
	}
	return MHD_YES;
}

/* --- libmicrohttpd ---------------------------------------------------------------------------- */

static const char *find_argument(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

static const char *find_header(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, key);
}

static void keep_body(struct exchange *exchange, const char *upload, size_t size)
{
	if (size > sizeof(exchange->body) - exchange->size) {
		exchange->too_large = true;
		return;
	}
	memcpy(exchange->body + exchange->size, upload, size);
	exchange->size += size;
}

static enum MHD_Result answer_request(const struct listener *at, struct exchange *exchange,
				      const char *url, const char *method)
{
	struct http_request request = {.opts = &at->http->opts,
				       .started = at->http->started,
				       .on_loopback = at->on_loopback,
				       .method = method,
				       .url = url,
				       .body = exchange->body,
				       .body_size = exchange->size,
				       .argument = find_argument,
				       .header = find_header,
				       .connection = exchange->connection};
	struct http_answer answer;

	if (!http_is_refused(&request, &answer))
		answer = exchange->too_large
			     ? http_failure(MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large")
			     : http_route(&request);
	if (answer.is_command)
		return start_command(exchange, &answer.command);
	return send_answer(exchange->connection, &answer);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const struct listener *at = ctx;
	struct exchange *exchange = *state;

	(void)version;
	if (!exchange) { /* the headers alone; answering now would cut uploads */
		exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->http = at->http;
		exchange->connection = connection;
		*state = exchange;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		keep_body(exchange, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!exchange->waiting)
		return answer_request(at, exchange, url, method);
	return exchange->answered ? send_answer(connection, &exchange->answer) : MHD_YES;
}

static void end_exchange(void *ctx, struct MHD_Connection *connection, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)ctx, (void)connection, (void)code;
	if (exchange)
		free(exchange->answer.body);
	free(exchange);
	*state = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static mw_err serve(struct listener *at, int fd, const char *name, char *why, size_t why_size)
{
	at->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, at,
	    MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_REQUEST_BYTES,
	    MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL, MHD_OPTION_END);
	if (at->daemon)
		return MW_E_OK;
	(void)close(fd);
	return mw_why(MW_E_IO, why, why_size, "%s: the HTTP server does not start", name);
}

static mw_err start_unix(struct mw_http *http, char *why, size_t why_size)
{
	int fd = -1;
	mw_err err = http_listen_unix(&http->socket, why, why_size, &fd);

	if (err)
		return err;
	err = serve(&http->unix_socket, fd, http->socket.path, why, why_size);
	if (err)
		http_unlink(&http->socket);
	return err;
}

static mw_err start_loopback(struct mw_http *http, char *why, size_t why_size)
{
	int fd = -1;
	mw_err err = http_listen_tcp(http->listen, why, why_size, &fd, http->address);

	http->loopback.on_loopback = true;
	if (!err)
		err = serve(&http->loopback, fd, http->listen, why, why_size);
	return err;
}

static mw_err start(struct mw_http *http, char *why, size_t why_size)
{
	mw_err err = MW_E_OK;

	http->started = (uint64_t)mw_clock_now_ns();
	http->unix_socket.http = http->loopback.http = http;
	if (http->socket.path[0])
		err = start_unix(http, why, why_size);
	if (!err && http->listen[0])
		err = start_loopback(http, why, why_size);
	return err;
}

mw_err mw_http_start(const struct mw_http_opts *opts, char *why, size_t why_size,
		     struct mw_http **ret_http)
{
	struct mw_http *http = calloc(1, sizeof(*http));
	mw_err err = MW_E_NOMEM;

	if (http) {
		(void)pthread_mutex_init(&http->lock, NULL);
		(void)pthread_cond_init(&http->answered, NULL);
		http->opts = *opts;
		http->socket.path = strdup(opts->socket ? opts->socket : "");
		http->listen = strdup(opts->listen ? opts->listen : "");
		http->gateway = strdup(opts->gateway);
		http->opts.gateway = http->gateway;
	}
	if (http && http->socket.path && http->listen && http->gateway)
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

/* A connection that sleeps cannot be closed: first its command must be answered. */
static void wait_for_answers(struct mw_http *http)
{
	(void)pthread_mutex_lock(&http->lock);
	http->stopping = true;
	while (http->pending > 0)
		(void)pthread_cond_wait(&http->answered, &http->lock);
	(void)pthread_mutex_unlock(&http->lock);
}

static void stop(struct listener *at)
{
	MHD_socket fd;

	if (!at->daemon)
		return;
	fd = MHD_quiesce_daemon(at->daemon);
	wait_for_answers(at->http);
	MHD_stop_daemon(at->daemon);
	if (fd != MHD_INVALID_SOCKET)
		(void)close(fd);
}

void mw_http_stop(struct mw_http *http)
{
	if (!http)
		return;
	stop(&http->loopback);
	stop(&http->unix_socket);
	if (http->unix_socket.daemon)
		http_unlink(&http->socket);
	(void)pthread_cond_destroy(&http->answered);
	(void)pthread_mutex_destroy(&http->lock);
	free(http->socket.path);
	free(http->listen);
	free(http->gateway);
	free(http);
}

const char *mw_http_address(const struct mw_http *http)
{
	return http->address;
}
