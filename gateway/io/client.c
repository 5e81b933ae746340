#include "gateway/io/client.h"

#include "gateway/io/json.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BODY          (64UL * 1024 * 1024)
#define CONNECT_TIMEOUT_S 5L
#define TIMEOUT_S         30L

struct body {
	char *data;
	size_t size, room;
	bool too_long;
};

static size_t receive(char *data, size_t size, size_t n, void *ctx)
{
	struct body *body = ctx;
	size_t more = size * n;

	if (more > MAX_BODY - body->size) {
		body->too_long = true;
		return 0;
	}
	if (body->size + more + 1 > body->room) {
		size_t room = 2 * (body->size + more + 1);
		char *larger = realloc(body->data, room);

		if (!larger)
			return 0;
		body->data = larger;
		body->room = room;
	}
	memcpy(body->data + body->size, data, more);
	body->size += more;
	body->data[body->size] = '\0';
	return more;
}

static mw_err set_options(CURL *curl, const char *socket, const char *path, struct body *body)
{
	char url[4096];

	if ((size_t)snprintf(url, sizeof(url), "http://millwright%s", path) >= sizeof(url))
		return MW_E_INVAL;
	if (curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) ||
	    curl_easy_setopt(curl, CURLOPT_URL, url) ||
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") ||
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") ||
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) ||
	    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S) ||
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S) ||
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive) ||
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body))
		return MW_E_INTERNAL;
	return MW_E_OK;
}

static mw_err explain_failure(CURL *curl, CURLcode code, const char *socket,
			      const struct body *body, char *why, size_t why_size)
{
	long error = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	if (body->too_long)
		return mw_why(MW_E_FULL, why, why_size, "the answer is longer than %lu MiB",
			      MAX_BODY >> 20);
	if (code == CURLE_OUT_OF_MEMORY)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	if (code != CURLE_COULDNT_CONNECT)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", socket, curl_easy_strerror(code));
	if (error == EACCES || error == EPERM)
		return mw_why(MW_E_IO, why, why_size,
			      "%s: no permission; ask for membership of the socket's group",
			      socket);
	if (error == EAGAIN)
		return mw_why(MW_E_IO, why, why_size, "%s: the daemon has too many clients",
			      socket);
	return mw_why(MW_E_IO, why, why_size,
		      "no daemon answers at %s; is `millwright run` running?  A copy of the "
		      "database can be read with --db FILE",
		      socket);
}

static mw_err err_of(long status)
{
	switch (status) {
	case 400:
		return MW_E_INVAL;
	case 404:
		return MW_E_NOTFOUND;
	case 409: /* a command that does not fit what is */
		return MW_E_UNSUPPORTED;
	default:
		return MW_E_IO;
	}
}

static mw_err check_status(CURL *curl, const struct body *body, char *why, size_t why_size)
{
	char message[256] = "";
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return MW_E_OK;
	if (body->data)
		(void)mw_json_parse_error(body->data, body->size, message, sizeof(message));
	if (status == 404 || status == 409)
		return mw_why(err_of(status), why, why_size, "%s",
			      *message ? message : "not found");
	return mw_why(err_of(status), why, why_size, "the daemon says %ld: %s", status,
		      *message ? message : "no reason given");
}

static mw_err perform(CURL *curl, const char *socket, const char *path, struct body *body,
		      char *why, size_t why_size)
{
	mw_err err = set_options(curl, socket, path, body);
	CURLcode code;

	if (err)
		return mw_why(err, why, why_size, "%s: %s", path, mw_err_text(err));
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return explain_failure(curl, code, socket, body, why, why_size);
	return check_status(curl, body, why, why_size);
}

/* json NULL: GET. */
static mw_err ask(CURL *curl, const char *socket, const char *path, const char *json,
		  struct body *body, char *why, size_t why_size)
{
	struct curl_slist *first = curl_slist_append(NULL, "Content-Type: application/json");
	struct curl_slist *headers = first ? curl_slist_append(first, "X-Millwright: cli") : NULL;
	mw_err err = MW_E_OK;

	if (json && (!headers || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json) ||
		     curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers)))
		err = mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	if (!err)
		err = perform(curl, socket, path, body, why, why_size);
	curl_slist_free_all(first);
	return err;
}

static mw_err request(const char *socket, const char *path, const char *json, char *why,
		      size_t why_size, char **ret_body, size_t *ret_size)
{
	struct body body = {.data = calloc(1, 1), .room = 1};
	CURL *curl = curl_easy_init();
	mw_err err;

	if (!curl || !body.data)
		err = mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	else
		err = ask(curl, socket, path, json, &body, why, why_size);
	curl_easy_cleanup(curl);
	if (err) {
		free(body.data);
		return err;
	}
	*ret_body = body.data;
	*ret_size = body.size;
	return MW_E_OK;
}

mw_err mw_client_get(const char *socket, const char *path, char *why, size_t why_size,
		     char **ret_body, size_t *ret_size)
{
	return request(socket, path, NULL, why, why_size, ret_body, ret_size);
}

mw_err mw_client_post(const char *socket, const char *path, const char *json, char *why,
		      size_t why_size, char **ret_body, size_t *ret_size)
{
	return request(socket, path, json, why, why_size, ret_body, ret_size);
}

char *mw_client_escape(const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
