/* client.h -- the CLI's side of the API: libcurl over the daemon's unix socket. */
#ifndef MW_IO_CLIENT_H
#define MW_IO_CLIENT_H

#include "gateway/base/err.h"

/* GET path ("/v1/status"); owned body (at most 64 MiB).  NOTFOUND: 404; IO: no daemon there or
 * another failure, with a reason that says what to do. */
MW_MUST_CHECK mw_err mw_client_get(const char *socket, const char *path, char *why, size_t why_size,
				   char **ret_body, size_t *ret_size);
/* POST of a command; otherwise as above.  UNSUPPORTED: 409, the alarm's state does not allow it. */
MW_MUST_CHECK mw_err mw_client_post(const char *socket, const char *path, const char *json,
				    char *why, size_t why_size, char **ret_body, size_t *ret_size);
/* Percent-encodes a query value; returns owned. */
char *mw_client_escape(const char *value);

#endif
