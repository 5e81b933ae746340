/* The json decoder on any payload: samples that are fit to be used, or a reason and none.  The
 * plugin is compiled in, so that the fuzzer sees its branches.  The first byte chooses the options.
 */
#include "plugins/json.c"

#include "gateway/base/utf8.h"
#include "gateway/io/plugin_host.h"

static const struct json_config options[] = {
    {"*", "", "auto", "", "/value", ""},
    {"*", "/time", "auto", "", "/value", ""},
    {"/a,/b/c,/d/0", "/t", "ms", "", "/value", ""},
    {"*", "/ts", "iso8601", "/name", "/value", "/items"},
    {"/a", "/t", "s", "", "/value", "/items"},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void take(void *ctx, const struct mw_sample *sample)
{
	size_t *n = ctx;

	require(isfinite(sample->value) || sample->quality != 0);
	require(sample->tag.len < MW_DECODE_TAG_SIZE);
	require(mw_utf8_is_clean(sample->tag.ptr, sample->tag.len));
	require(sample->time_ns >= 0);
	++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mw_plugin_host *host = NULL;
	struct mw_instance *instance = NULL;
	size_t n = 0;
	const struct mw_decoded into = {take, &n};
	char why[256];
	mw_err err;

	if (size == 0)
		return 0;
	require(mw_plugin_host_new("/nowhere", &host) == MW_E_OK);
	require(mw_instance_new(host, &json_plugin, &options[data[0] % OPTIONS], why, sizeof(why),
				&instance) == MW_E_OK);
	err = mw_instance_decode(instance, (struct mw_str){"t", 1}, data + 1, size - 1, &into);
	require(err == MW_E_OK ? n > 0 : err == MW_E_MALFORMED && n == 0);
	require(err == MW_E_OK || mw_instance_why(instance)[0] != '\0');
	mw_instance_free(instance);
	mw_plugin_host_free(host);
	return 0;
}
