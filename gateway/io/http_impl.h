/* http_impl.h -- what the http*.c files share: http.c (libmicrohttpd, threads), http_api.c (what is
 * asked for), http_listen.c (sockets). */
#ifndef MW_IO_HTTP_IMPL_H
#define MW_IO_HTTP_IMPL_H

#include "gateway/io/http.h"

#include <sys/types.h>

#define HTTP_ETAG_SIZE    48
#define HTTP_ADDRESS_SIZE 80

/* --- http_api.c ------------------------------------------------------------------------------- */

/* What an answer is made from; lent for the call. */
struct http_request {
	const struct mw_http_opts *opts;
	uint64_t started; /* tells this process' ETags from those of an earlier one */
	bool on_loopback; /* came over TCP */
	const char *method, *url;
	const char *body;
	size_t body_size;
	/* Of the query and of the header; NULL = not there. */
	const char *(*argument)(const struct http_request *request, const char *key);
	const char *(*header)(const struct http_request *request, const char *key);
	void *connection;
};

struct http_answer {
	unsigned status;
	const char *type;          /* Content-Type; static */
	char *body;                /* owned until sent; NULL with fixed */
	const char *fixed;         /* static */
	size_t size;               /* of fixed; body ends with its NUL */
	char etag[HTTP_ETAG_SIZE]; /* "" = none */
	bool is_page;              /* a browser shows it: the policy says what it may load */
	const char *allow;         /* of 405 */
	bool is_command;           /* nothing to send yet: `command` is to be carried out first */
	struct mw_command command;
};

/* May the request be answered at all?  Looks at the headers alone; true: *ret_answer says why not. */
bool http_is_refused(const struct http_request *request, struct http_answer *ret_answer);
struct http_answer http_route(const struct http_request *request);
struct http_answer http_failure(unsigned status, const char *reason);
/* The answer to a command that was carried out or refused. */
struct http_answer http_reply(const struct mw_command_result *result);

/* --- http_listen.c ---------------------------------------------------------------------------- */

struct http_socket {
	char *path; /* owned */
	dev_t dev;
	ino_t ino;
};

MW_MUST_CHECK mw_err http_listen_unix(struct http_socket *socket, char *why, size_t why_size,
				      int *ret_fd);
/* Removes the socket's file unless another daemon has taken the path meanwhile. */
void http_unlink(const struct http_socket *socket);
/* ret_address: as mw_http_address gives it. */
MW_MUST_CHECK mw_err http_listen_tcp(const char *listen, char *why, size_t why_size, int *ret_fd,
				     char ret_address[HTTP_ADDRESS_SIZE]);

#endif
