/*
 * conf.h -- the configuration file (libconfig) as one typed, checked, immutable struct.
 *
 * Everything readable is in the option tables of conf_options.c: name, type, default, range, unit
 * and one sentence; `millwright check --print-options` and millwright.conf(5) come from them.  An
 * unknown or bad key is an error "FILE:LINE: group.key: what is wrong", never a silent default.
 *
 * A key is the member's name without _ns: durations are texts with a unit ("500ms", "5min", "30d"),
 * and so are sizes ("256MiB").
 *
 * mw_conf_load returns owned; strings are lent until mw_conf_free.  Thread safe after load.
 */
#ifndef MW_IO_CONF_H
#define MW_IO_CONF_H

#include "gateway/base/err.h"
#include "gateway/core/faults.h"
#include "gateway/core/profile.h"
#include "gateway/core/prompt.h"

#include <stdio.h>

struct mw_conf_mqtt {
	const char *host;                           /* "127.0.0.1" */
	int64_t port;                               /* 1883; 8883 with tls */
	int64_t version;                            /* 5 or 311 */
	const char *client_id;                      /* default "millwright-<gateway.name>" */
	const char *username;                       /* "" = none */
	const char *password_file;                  /* first line is the password; "" = none */
	int64_t keepalive_ns;                       /* 30 s */
	int64_t session_expiry_ns;                  /* 1 h; persistent session */
	int64_t reconnect_min_ns, reconnect_max_ns; /* 1 s .. 30 s, doubling, for ever */
	uint64_t max_packet_bytes; /* 1 MiB: larger messages are refused and counted */
	bool tls;
	const char *tls_ca_file, *tls_cert_file, *tls_key_file; /* "" = system / none */
	bool tls_verify;                                        /* true */
	const char *prefix; /* topics of ours: default "millwright/<gateway.name>" */
};

/* One subscription: which topics, and how they name asset and channel.  In `asset` and `channel`
 * $1, $2, ... are the topic's levels; a decoder that gives tags itself ("json" with several values)
 * adds them to the channel, or replaces an empty channel pattern. */
struct mw_conf_source {
	const char *topic;          /* MQTT filter */
	int64_t qos;                /* 0 or 1 */
	const char *asset;          /* "$2" */
	const char *channel;        /* "$4", "" = the decoder's tag alone */
	const char *decoder;        /* plugin name: "plain", "json" */
	const void *decoder_config; /* parsed options of that plugin (its config struct) */
	const char *type;           /* machine type code of the assets found here; "other" */
};

struct mw_conf_channel {
	const char *name, *unit, *role; /* role "" = guessed from name and unit */
};

struct mw_conf_asset { /* optional: what is known of an asset beforehand */
	const char *name, *type;
	const char *profile;            /* file, as written; "" = none */
	const struct mw_profile *known; /* what that file says; NULL = none */
	int64_t period_ns;              /* 0 = detected */
	int64_t learn_rows;             /* 0 = window.learn_rows */
	size_t n_channel;
	const struct mw_conf_channel *channel;
};

struct mw_config {
	const char *file; /* where it came from */
	struct {
		const char *name; /* [A-Za-z0-9_-], 1..64 */
		enum mw_language language;
		const char *log_level; /* error warn info debug */
		int64_t max_assets;    /* 1000 */
	} gateway;
	struct mw_conf_mqtt mqtt;
	struct {
		const char *dir;    /* directory of segment files */
		uint64_t max_bytes; /* 256 MiB */
		int64_t sync_ns;    /* fdatasync at most this late: 1 s */
	} spool;
	struct {
		const char *path;    /* SQLite file */
		int64_t snapshot_ns; /* asset states are saved this often: 10 s */
		int64_t keep_ns;     /* events older than this are removed: 400 d */
	} store;
	struct {
		const char *path;    /* GGUF of the judge; "" = <datadir>/millwright-nano.gguf */
		const char *faults;  /* fault library; "" = <datadir>/faults.cfg */
		int64_t threads;     /* 1 */
		const char *kernels; /* "" = best */
		const char
		    *explainer; /* GGUF of a text model that words raised events; "" = the judge */
		int64_t explainer_budget_ns; /* of one explanation: 2 s */
		int64_t explainer_tokens;    /* of one explanation: 96 */
		uint64_t memory; /* of a text model, weights and session; 0 = no limit */
	} model;
	struct {
		int64_t learn_rows;  /* 400 */
		int64_t lateness_ns; /* how long a row waits for late samples; 0 = 2 periods */
		int64_t hold_ns; /* report by exception: a value is held this long; 0 = for ever */
		int64_t future_ns; /* samples further ahead of the wall clock are refused: 5 min */
		int64_t stale_ns;  /* an asset silent this long is reported stale: 0 = 20 periods */
	} window;
	struct {
		double p_raise;      /* raise when p_value <= this: 0.002 */
		double per_day;      /* alarms a healthy machine may raise a day; 0 = by p_raise */
		int64_t on_windows;  /* consecutive windows over the threshold before raising: 2 */
		int64_t off_windows; /* consecutive windows under it before clearing: 8 */
		bool scores;         /* publish score/<asset> for every window: false */
	} alarm;
	struct {
		const char *socket; /* unix socket of API and CLI; "" = off */
		const char *listen; /* the same and the operator page on loopback; "" = off */
	} http;
	const char *plugin_dir;
	size_t n_source, n_asset;
	const struct mw_conf_source *source;
	const struct mw_conf_asset *asset;
};

/* Reads, checks and completes.  On failure MW_E_CONFIG (or MW_E_IO) and one reason "file:line:
 * ...". */
MW_MUST_CHECK mw_err mw_conf_load(const char *path, char *why, size_t why_size,
				  struct mw_config **ret_config);
void mw_conf_free(struct mw_config *config);

/* The fault library (schemas/faults.cfg).  Every fault code must be there, in both languages;
 * returns owned (mw_fault_library_free).  Errors as mw_conf_load. */
MW_MUST_CHECK mw_err mw_conf_load_faults(const char *path, char *why, size_t why_size,
					 struct mw_fault_library **ret_library);

/* A machine profile (schemas/profiles/README.md).  Returns owned (mw_profile_free).  Errors as
 * mw_conf_load: an unknown key, a name that is not there or a list that is too long is refused. */
MW_MUST_CHECK mw_err mw_conf_load_profile(const char *path, char *why, size_t why_size,
					  struct mw_profile **ret_profile);
/* Where the profile `name` lies: as written when it is absolute; else in `beside` (a directory, may
 * be NULL) or among the shipped ones.  MW_E_NOTFOUND: nowhere, or it does not fit. */
mw_err mw_conf_profile_file(const char *name, const char *beside, char *ret_path, size_t size);

/* Prints every option of the core and of the plugins found: type, default, range, sentence. */
void mw_conf_print_options(void);
/* The same as millwright.conf(5), troff source. */
void mw_conf_print_manual(FILE *out);

/* Where shared data lies: $MILLWRIGHT_DATADIR, else beside the binary's tree (share/millwright,
 * schemas, model/weights), else /usr/share/millwright.  MW_E_NOTFOUND: nowhere; ret_path is then
 * the last place looked at, for the message. */
mw_err mw_conf_data_file(const char *name, char *ret_path, size_t size);
/* Where plugins lie when plugin_dir is "": $MILLWRIGHT_PLUGINDIR, else plugins/ beside the binary
 * or lib/millwright/plugins of its tree, else /usr/lib/millwright/plugins. */
void mw_conf_plugin_dir(char *ret_path, size_t size);

#endif
