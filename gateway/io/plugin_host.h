/*
 * plugin_host.h -- loads plugins (dlopen), checks their ABI, parses their options, makes instances.
 * Plugins are never unloaded.  Loading refuses files that others may write (not owned by root or by
 * us, group or world writable).
 */
#ifndef MW_IO_PLUGIN_HOST_H
#define MW_IO_PLUGIN_HOST_H

#include "gateway/base/err.h"

struct mw_plugin_host;

/* What a decoder's emit_sample reaches: copies what it needs before it returns. */
struct mw_decoded {
	void (*sample)(void *ctx, const struct mw_sample *sample);
	void *ctx;
};

MW_MUST_CHECK mw_err mw_plugin_host_new(const char *dir, struct mw_plugin_host **ret_host);
void mw_plugin_host_free(struct mw_plugin_host *host);

/* Loads <dir>/<name>.so once; NOTFOUND, UNSUPPORTED (ABI), IO (permissions) with a reason. */
MW_MUST_CHECK mw_err mw_plugin_load(struct mw_plugin_host *host, const char *name, char *why,
				    size_t why_size, const struct mw_plugin **ret_plugin);

/* One configured instance of a loaded plugin.  `config` is lent and must outlive it. */
MW_MUST_CHECK mw_err mw_instance_new(struct mw_plugin_host *host, const struct mw_plugin *plugin,
				     const void *config, char *why, size_t why_size,
				     struct mw_instance **ret_instance);
void mw_instance_free(struct mw_instance *instance);

/* Decodes one payload; samples go to `into` in payload order.  On MW_E_MALFORMED samples emitted before
 * the fault are withdrawn: `into` receives nothing of a malformed payload. */
MW_MUST_CHECK mw_err mw_instance_decode(struct mw_instance *instance, struct mw_str topic,
					const void *payload, size_t size,
					const struct mw_decoded *into);
const char *mw_instance_why(const struct mw_instance *instance); /* last reason, for the log */

#endif
