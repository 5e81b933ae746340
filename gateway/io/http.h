/*
 * http.h -- the local API and the operator page (libmicrohttpd), on a unix socket and, where it is
 * configured, on loopback.
 *
 *     GET  /                          the page; /page.css, /page.js, ...
 *     GET  /metrics                   counters for Prometheus
 *     GET  /v1/status                 counters and states, JSON
 *     GET  /v1/assets                 every machine as it is now (schemas/assets.schema.json)
 *     GET  /v1/events?asset=&text=&from=&to=&active=&state=&fault=&before=&limit=    {"events":[...]}
 *     GET  /v1/events/<id>            one event with its window and its log
 *     POST /v1/events/<id>/ack|shelve|unshelve|feedback      a command (schemas/command.schema.json)
 *
 * GETs carry an ETag and answer 304 where nothing has changed.  A POST is JSON, names itself by the header
 * X-Millwright and does not come from another site; on loopback the Host must be a loopback name, so that
 * no page of elsewhere can ask through a name that it pointed at us.  There is no login: who may connect
 * may operate.
 *
 * Runs its own thread; handlers call the store (which locks) and the callbacks.
 */
#ifndef MW_IO_HTTP_H
#define MW_IO_HTTP_H

#include "gateway/core/command.h"
#include "gateway/io/store.h"

struct mw_http;

struct mw_http_opts {
	const char *socket;  /* path; an old socket file there is replaced; mode 0660; "" = none */
	const char *listen;  /* "127.0.0.1:8787", "[::1]:8787"; port 0 = any free one; "" = none */
	const char *gateway; /* name for payloads */
	struct mw_store *store; /* borrowed */
	/* Owned text out. */
	mw_err (*status)(void *ctx, char **ret_json);
	mw_err (*assets)(void *ctx, char **ret_json);
	mw_err (*metrics)(void *ctx, char **ret_text);
	/* As mw_pipeline_command.  Every command that was taken must be answered before mw_http_stop
	 * can return. */
	mw_err (*command)(void *ctx, const struct mw_command *command, mw_command_done *done,
			  void *done_ctx);
	void *ctx;
};

MW_MUST_CHECK mw_err mw_http_start(const struct mw_http_opts *opts, char *why, size_t why_size,
				   struct mw_http **ret_http);
void mw_http_stop(struct mw_http *http);
/* "http://127.0.0.1:8787/", "" when only the socket is listened to. */
const char *mw_http_address(const struct mw_http *http);

/* Is the text an address to listen at?  Loopback only: the API has no login. */
MW_MUST_CHECK mw_err mw_http_check_listen(const char *listen, char *why, size_t why_size);

#endif
