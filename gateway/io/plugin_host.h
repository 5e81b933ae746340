/*
 * plugin_host.h -- loads plugins (dlopen), checks their ABI, makes instances of them and carries
 * payloads through.  Options are read by conf*.c with the plugin's own table.
 *
 * Plugins are never unloaded.  Loading refuses files that others may write: file and directory must
 * belong to root or to us and must not be group or world writable.
 * Hosts are independent; one host is used by one thread.  An instance is used by one thread at a
 * time.
 */
#ifndef MW_IO_PLUGIN_HOST_H
#define MW_IO_PLUGIN_HOST_H

#include "gateway/base/err.h"

#define MW_DECODE_SAMPLES  4096 /* of one payload; more make the payload malformed */
#define MW_DECODE_TAG_SIZE 128  /* bytes of a tag; as above */
#define MW_PLUGIN_COUNTERS 16   /* named counters of one instance; further names are not kept */

struct mw_plugin_host;

/* What a decoder's emit_sample reaches: copies what it needs before it returns. */
struct mw_decoded {
	void (*sample)(void *ctx, const struct mw_sample *sample);
	void *ctx;
};

struct mw_plugin_counter {
	char name[32];
	uint64_t n;
};

MW_MUST_CHECK mw_err mw_plugin_host_new(const char *dir, struct mw_plugin_host **ret_host);
void mw_plugin_host_free(struct mw_plugin_host *host);

/* Loads <dir>/<name>.so once; NOTFOUND, UNSUPPORTED (ABI), IO (permissions) with a reason.  The
 * plugin is static and outlives the host. */
MW_MUST_CHECK mw_err mw_plugin_load(struct mw_plugin_host *host, const char *name, char *why,
				    size_t why_size, const struct mw_plugin **ret_plugin);

/* Checks what a plugin says of itself: ABI, sizes, kind and its function, and that every option
 * lies inside config_size.  MW_E_UNSUPPORTED and a reason. */
MW_MUST_CHECK mw_err mw_plugin_check(const struct mw_plugin *plugin, char *why, size_t why_size);

/* Calls the plugin's option callback for every NAME.so of the host's directory, sorted by name;
 * those that cannot be loaded are left out. */
void mw_plugin_each(struct mw_plugin_host *host,
		    void (*fn)(void *ctx, const struct mw_plugin *plugin), void *ctx);

/* One configured instance of a loaded plugin (init and start are called).  `config` is lent and
 * must outlive it; the host is not needed by it afterwards. */
MW_MUST_CHECK mw_err mw_instance_new(struct mw_plugin_host *host, const struct mw_plugin *plugin,
				     const void *config, char *why, size_t why_size,
				     struct mw_instance **ret_instance);
void mw_instance_free(struct mw_instance *instance);

/* Decodes one payload; samples go to `into` in payload order.  On any failure samples emitted
 * before it are withdrawn: `into` receives nothing of a malformed payload. */
MW_MUST_CHECK mw_err mw_instance_decode(struct mw_instance *instance, struct mw_str topic,
					const void *payload, size_t size,
					const struct mw_decoded *into);
const char *mw_instance_why(const struct mw_instance *instance); /* last reason, for the log */
/* What the plugin counted; lent, changes with the next decode. */
const struct mw_plugin_counter *mw_instance_counters(const struct mw_instance *instance,
						     size_t *ret_n);

#endif
