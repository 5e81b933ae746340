/*
 * mw_plugin.h -- the whole contract between Millwright and a plugin.
 *
 * A plugin includes this header and nothing else of Millwright, links to nothing of it, and exports
 * one symbol, mw_plugin_entry.  Everything the host offers arrives through struct mw_host.
 *
 * Compatibility  The first two words of every struct here never move.  Members are only appended,
 *                never reordered or removed; a reader looks at a member only when MW_HAS() says that
 *                the writer's struct is long enough to hold it.  MW_PLUGIN_ABI rises only on a break.
 * Memory         The host allocates the instance (`state_size` bytes, zeroed) and the options
 *                (`config_size` bytes); the plugin never frees either.  Pointers passed to a call are
 *                lent for that call only.  Nothing allocated on one side is freed on the other.
 * Threads        Calls on one instance never overlap.  Two instances may run at once, so a plugin
 *                keeps no mutable statics.  init/start/stop/fini come from the control thread.
 * Errors         0 is success; otherwise an mw_err, and outputs are left as they were.
 * Units          Times are nanoseconds since the Unix epoch, durations nanoseconds, sizes bytes.
 */
#ifndef MW_PLUGIN_H
#define MW_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MW_PLUGIN_ABI     1u
#define MW_HAS(p, member) ((p)->size >= offsetof(__typeof__(*(p)), member) + sizeof((p)->member))
#define MW_EXPORT         __attribute__((visibility("default")))

#define MW_ERR_MAP(X)                                                                              \
	X(OK, 0, "success")                                                                        \
	X(NOMEM, 1, "out of memory")                                                               \
	X(INVAL, 2, "invalid argument")                                                            \
	X(MALFORMED, 3, "payload is malformed")                                                    \
	X(AGAIN, 4, "not now; offer it again")                                                     \
	X(IO, 5, "input/output error")                                                             \
	X(UNSUPPORTED, 6, "not supported")                                                         \
	X(INTERNAL, 7, "internal error")                                                           \
	X(CONFIG, 8, "bad configuration")                                                          \
	X(NOTFOUND, 9, "not found")                                                                \
	X(FULL, 10, "a named limit is reached")                                                    \
	X(CORRUPT, 11, "stored data is corrupt")                                                   \
	X(LATE, 12, "too late to be counted")

typedef enum {
#define X(name, value, text) MW_E_##name = (value),
	MW_ERR_MAP(X)
#undef X
} mw_err;

typedef struct mw_instance mw_instance; /* the host's handle on one configured plugin */

/* --- what flows ------------------------------------------------------------------------------- */

struct mw_str {
	const char *ptr;
	size_t len;
}; /* UTF-8, not NUL-terminated */

struct mw_sample {
	int64_t time_ns; /* 0: the payload had no clock; the host stamps arrival */
	struct mw_str tag;
	double value;
	uint32_t quality; /* 0 good; else an OPC-style reason */
};

struct mw_window { /* read-only view of one closed window of one asset */
	uint32_t abi, size;
	struct mw_str asset;
	int64_t from_ns, to_ns;         /* [from, to) */
	const struct mw_sample *sample; /* by time, then tag */
	size_t n_sample;
};

struct mw_finding {
	struct mw_str tag;
	double score;         /* 0..1; the host's thresholds decide what is an alert */
	struct mw_str reason; /* short, ASCII, no numbers the window does not hold */
};

struct mw_alert {
	uint32_t abi, size;
	uint64_t id; /* the row in the store; a sink may see the same id twice */
	int64_t time_ns;
	struct mw_str asset, severity, text, json;
};

/* --- what the host offers --------------------------------------------------------------------- */

struct mw_host {
	uint32_t abi, size;
	void (*log)(mw_instance *, int level, const char *msgid, const char *fmt, ...);
	int64_t (*now_ns)(mw_instance *);                                 /* the injectable clock */
	mw_err (*emit_sample)(mw_instance *, const struct mw_sample *);   /* copies */
	mw_err (*emit_finding)(mw_instance *, const struct mw_finding *); /* copies */
	void (*count)(mw_instance *, const char *counter, uint64_t n);
};

/* --- options: declared once; parsed, range-checked, documented by the host -------------------- */

enum mw_opt_type {
	MW_OPT_BOOL = 1,
	MW_OPT_INT,
	MW_OPT_FLOAT,
	MW_OPT_STR,
	MW_OPT_DURATION,
	MW_OPT_SIZE
};

struct mw_option {
	const char *name;     /* NULL ends the table */
	uint32_t type;        /* enum mw_opt_type */
	uint32_t offset;      /* of a bool, int64_t, double, const char *, int64_t, uint64_t */
	const char *fallback; /* NULL: required */
	double min, max;      /* inclusive; both 0: unbounded */
	const char *help;     /* one sentence, with the unit */
};

/* --- what a plugin is ------------------------------------------------------------------------- */

enum mw_kind { MW_DECODER = 1, MW_DETECTOR, MW_SINK };

struct mw_plugin {
	uint32_t abi, size; /* MW_PLUGIN_ABI, sizeof(struct mw_plugin) */
	uint32_t kind;      /* enum mw_kind */
	uint32_t state_size, config_size;
	const char *name, *version, *summary;
	const struct mw_option *options;

	/* Checks options against each other.  Touches nothing; may run under `millwright check`.
	 */
	mw_err (*check)(const void *config, char *why, size_t why_size);
	/* After a failed init the host still calls fini, which must cope with a half-made state. */
	mw_err (*init)(void *state, const void *config, const struct mw_host *, mw_instance *);
	mw_err (*start)(void *state); /* may be NULL */
	void (*stop)(void *state);    /* may be NULL; may block; no calls arrive after it */
	void (*fini)(void *state);    /* may be NULL; must not block */

	/* Exactly the one of its kind is set. */
	mw_err (*decode)(void *state, struct mw_str topic, const void *payload, size_t size);
	mw_err (*detect)(void *state, const struct mw_window *);
	/* MW_E_AGAIN: the host keeps it and retries. */
	mw_err (*deliver)(void *state, const struct mw_alert *);
};

/* The one exported symbol.  The result is static and outlives the process's use of the library. */
typedef const struct mw_plugin *mw_plugin_entry_fn(void);
MW_EXPORT const struct mw_plugin *mw_plugin_entry(void);

#ifdef __cplusplus
}
#endif
#endif /* MW_PLUGIN_H */
