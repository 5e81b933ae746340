/*
 * http.h -- the local API (libmicrohttpd) on a unix socket: what CLI and page speak.
 *
 *     GET /v1/status                  counters and states, JSON
 *     GET /v1/events?asset=&text=&from=&to=&active=&limit=     {"events":[...]}
 *     GET /v1/events/<id>             one event with its window
 *
 * Runs its own thread; handlers call the store (which locks) and the status callback.
 */
#ifndef MW_IO_HTTP_H
#define MW_IO_HTTP_H

#include "gateway/io/store.h"

struct mw_http;

struct mw_http_opts {
	const char *socket;     /* path; an old socket file there is replaced; mode 0660 */
	const char *gateway;    /* name for payloads */
	struct mw_store *store; /* borrowed */
	mw_err (*status)(void *ctx, char **ret_json); /* owned text out */
	void *ctx;
};

MW_MUST_CHECK mw_err mw_http_start(const struct mw_http_opts *opts, char *why, size_t why_size,
				   struct mw_http **ret_http);
void mw_http_stop(struct mw_http *http);

#endif
