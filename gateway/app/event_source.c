#include "gateway/app/event_source.h"

#include "gateway/io/client.h"
#include "gateway/io/conf.h"
#include "gateway/io/json.h"
#include "gateway/io/store.h"
#include "gateway/io/when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

bool mw_event_source_option(struct mw_event_source *source, int c, const char *value)
{
	switch (c) {
	case 'S':
		source->socket = value;
		return true;
	case 'D':
		source->db = value;
		return true;
	case 'c':
		source->config = value;
		return true;
	default:
		return false;
	}
}

int mw_event_source_exit(const struct mw_event_source *source, mw_err err)
{
	switch (err) {
	case MW_E_OK:
		return EX_OK;
	case MW_E_INVAL:
		return EX_USAGE;
	case MW_E_CONFIG:
	case MW_E_UNSUPPORTED:
		return EX_CONFIG;
	case MW_E_NOTFOUND:
		return EX_NOINPUT;
	case MW_E_IO:
		return source->db ? EX_NOINPUT : EX_UNAVAILABLE;
	case MW_E_CORRUPT:
	case MW_E_MALFORMED:
		return EX_DATAERR;
	case MW_E_NOMEM:
		return EX_OSERR;
	default:
		return EX_SOFTWARE;
	}
}

/* --- the daemon ------------------------------------------------------------------------------- */

/* The socket that was named, or the configuration's, or the usual one; the text lives in *ret_config. */
static mw_err find_socket(const struct mw_event_source *source, char *why, size_t why_size,
			  struct mw_config **ret_config, const char **ret_socket)
{
	struct mw_config *config = NULL;
	const char *socket = source->socket ? source->socket : MW_SOURCE_SOCKET;

	if (!source->socket && source->config) {
		if (mw_conf_load(source->config, why, why_size, &config) != MW_E_OK)
			return MW_E_CONFIG;
		socket = config->http.socket;
	}
	if (!*socket) {
		mw_conf_free(config);
		return mw_why(MW_E_CONFIG, why, why_size,
			      "%s: http.socket is \"\", the daemon answers nobody", source->config);
	}
	*ret_config = config;
	*ret_socket = socket;
	return MW_E_OK;
}

static mw_err ask(const struct mw_event_source *source, const char *path, char *why,
		  size_t why_size, char **ret_body, size_t *ret_size)
{
	struct mw_config *config;
	const char *socket;
	mw_err err = find_socket(source, why, why_size, &config, &socket);

	if (err)
		return err;
	err = mw_client_get(socket, path, why, why_size, ret_body, ret_size);
	mw_conf_free(config);
	return err;
}

mw_err mw_event_source_command(const struct mw_event_source *source,
			       const struct mw_command *command, char *why, size_t why_size,
			       char **ret_json)
{
	char path[64], *body = NULL;
	struct mw_config *config;
	const char *socket;
	size_t size;
	mw_err err = find_socket(source, why, why_size, &config, &socket);

	if (err)
		return err;
	(void)snprintf(path, sizeof(path), "/v1/events/%s/%s", command->event,
		       mw_command_text(command->kind));
	err = mw_json_command(command, &body);
	if (!err)
		err = mw_client_post(socket, path, body, why, why_size, ret_json, &size);
	free(body);
	mw_conf_free(config);
	return err;
}

struct path {
	char *text;
	size_t size;
	FILE *to;
	bool failed;
};

static void add_text(struct path *path, const char *key, const char *value)
{
	char *escaped = value ? mw_client_escape(value) : NULL;

	if (value && !escaped)
		path->failed = true;
	if (escaped)
		(void)fprintf(path->to, "&%s=%s", key, escaped);
	free(escaped);
}

static void add_time(struct path *path, const char *key, int64_t time_ns)
{
	char buf[MW_WHEN_SIZE];

	if (time_ns != 0)
		(void)fprintf(path->to, "&%s=%s", key, mw_when_iso(time_ns, buf, sizeof(buf)));
}

static char *make_path(const struct mw_event_filter *filter)
{
	struct path path = {0};

	path.to = open_memstream(&path.text, &path.size);
	if (!path.to)
		return NULL;
	(void)fprintf(path.to, "/v1/events?active=%d", filter->active);
	add_text(&path, "asset", filter->asset);
	add_text(&path, "text", filter->text);
	add_time(&path, "from", filter->from_ns);
	add_time(&path, "to", filter->to_ns);
	if (filter->limit > 0)
		(void)fprintf(path.to, "&limit=%lld", (long long)filter->limit);
	if (fclose(path.to) != 0 || path.failed) {
		free(path.text);
		return NULL;
	}
	return path.text;
}

/* Keeps what the caller wants of an answer. */
static void hand_out(char *json, char **ret_json)
{
	if (ret_json)
		*ret_json = json;
	else
		free(json);
}

static mw_err list_from_daemon(const struct mw_event_source *source,
			       const struct mw_event_filter *filter, char *why, size_t why_size,
			       struct mw_event **ret_event, size_t *ret_n, char **ret_json)
{
	char *path = make_path(filter), *body = NULL;
	size_t size = 0;
	mw_err err = path ? ask(source, path, why, why_size, &body, &size)
			  : mw_why(MW_E_NOMEM, why, why_size, "out of memory");

	free(path);
	if (!err && ret_event) {
		err = mw_json_parse_events(body, size, ret_event, ret_n);
		if (err)
			(void)mw_why(err, why, why_size, "the daemon's answer is not understood");
	}
	if (err)
		free(body);
	else
		hand_out(body, ret_json);
	return err;
}

static mw_err get_from_daemon(const struct mw_event_source *source, const char *id, char *why,
			      size_t why_size, struct mw_event *ret_event,
			      struct mw_event_window *ret_window, struct mw_event_history *ret_log,
			      char **ret_json)
{
	char *escaped = mw_client_escape(id), *body = NULL, path[256];
	size_t size = 0;
	mw_err err;

	if (!escaped)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	if ((size_t)snprintf(path, sizeof(path), "/v1/events/%s", escaped) >= sizeof(path))
		err = mw_why(MW_E_NOTFOUND, why, why_size, "no such event");
	else
		err = ask(source, path, why, why_size, &body, &size);
	free(escaped);
	if (err)
		return err;
	err = mw_json_parse_event(body, size, ret_event, ret_window);
	if (!err && ret_log)
		err = mw_json_parse_log(body, size, &ret_log->entry, &ret_log->n);
	if (err) {
		free(body);
		return mw_why(err, why, why_size, "the daemon's answer is not understood");
	}
	hand_out(body, ret_json);
	return MW_E_OK;
}

/* --- a copy of the database ------------------------------------------------------------------- */

static mw_err open_copy(const char *path, char *why, size_t why_size, struct mw_store **ret_store)
{
	struct mw_store_opts opts = {.path = path, .read_only = true};

	return mw_store_open(&opts, why, why_size, NULL, ret_store);
}

static mw_err list_from_copy(const char *db, const struct mw_event_filter *filter, char *why,
			     size_t why_size, struct mw_event **ret_event, size_t *ret_n,
			     char **ret_json)
{
	struct mw_event_query query = {
	    .asset = filter->asset,
	    .text = filter->text,
	    .from_ns = filter->from_ns,
	    .to_ns = filter->to_ns,
	    .active_only = filter->active,
	    .limit = filter->limit,
	};
	struct mw_store *store = NULL;
	struct mw_event *event = NULL;
	size_t n = 0;
	mw_err err = open_copy(db, why, why_size, &store);

	if (err)
		return err;
	err = mw_store_events(store, &query, &event, &n);
	if (err)
		(void)mw_why(err, why, why_size, "%s: %s", db, mw_store_why(store));
	else if (ret_json)
		err = mw_json_events(event, n, "", ret_json);
	mw_store_close(store);
	if (err || !ret_event) {
		free(event);
		return err;
	}
	*ret_event = event;
	*ret_n = n;
	return MW_E_OK;
}

static mw_err get_from_copy(const char *db, const char *id, char *why, size_t why_size,
			    struct mw_event *ret_event, struct mw_event_window *ret_window,
			    struct mw_event_history *ret_log, char **ret_json)
{
	struct mw_event_history log = {0};
	struct mw_store *store = NULL;
	mw_err err = open_copy(db, why, why_size, &store);

	if (err)
		return err;
	err = mw_store_event_get(store, id, ret_event, ret_window);
	if (!err)
		err = mw_store_event_log(store, id, &log.entry, &log.n);
	if (err)
		(void)mw_why(err, why, why_size, "%s", mw_store_why(store));
	else if (ret_json)
		err = mw_json_event_logged(ret_event, ret_window, log.entry, log.n, "", ret_json);
	mw_store_close(store);
	if (!err && ret_log)
		*ret_log = log;
	else
		free(log.entry);
	return err;
}

mw_err mw_event_source_list(const struct mw_event_source *source,
			    const struct mw_event_filter *filter, char *why, size_t why_size,
			    struct mw_event **ret_event, size_t *ret_n, char **ret_json)
{
	if (source->db)
		return list_from_copy(source->db, filter, why, why_size, ret_event, ret_n,
				      ret_json);
	return list_from_daemon(source, filter, why, why_size, ret_event, ret_n, ret_json);
}

mw_err mw_event_source_get(const struct mw_event_source *source, const char *id, char *why,
			   size_t why_size, struct mw_event *ret_event,
			   struct mw_event_window *ret_window, struct mw_event_history *ret_log,
			   char **ret_json)
{
	if (source->db)
		return get_from_copy(source->db, id, why, why_size, ret_event, ret_window, ret_log,
				     ret_json);
	return get_from_daemon(source, id, why, why_size, ret_event, ret_window, ret_log, ret_json);
}
