/* Commands of any text: one that is fit to be carried out and comes back from what is made of it, or a
 * reason.  The first byte chooses the kind, and whether the address names the event. */
#include "gateway/io/json.h"

#include "gateway/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct mw_command *c)
{
	require(strlen(c->event) == 19);
	require(c->who[0] != '\0' && mw_utf8_is_clean(c->who, strlen(c->who)));
	require(mw_utf8_is_clean(c->note, strlen(c->note)));
	require(c->shelve_ns >= MW_SHELVE_MIN_NS && c->shelve_ns <= MW_SHELVE_MAX_NS);
	require((c->kind == MW_COMMAND_FEEDBACK) == (c->feedback != MW_FEEDBACK_NONE));
}

static bool same(const struct mw_command *a, const struct mw_command *b)
{
	return a->kind == b->kind && strcmp(a->event, b->event) == 0 &&
	       strcmp(a->who, b->who) == 0 && strcmp(a->note, b->note) == 0 &&
	       llabs(a->shelve_ns - b->shelve_ns) < 1000 && a->feedback == b->feedback;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mw_command command, again;
	char why[128] = "", *text = NULL;
	enum mw_command_kind kind;
	const char *event;
	mw_err err;

	if (size == 0)
		return 0;
	kind = (enum mw_command_kind)(data[0] % MW_N_COMMAND);
	event = data[0] & 0x80 ? "ev-0123456789abcdef" : NULL;
	err = mw_json_parse_command((const char *)data + 1, size - 1, kind, event, "api", why,
				    sizeof(why), &command);
	require(err == MW_E_OK || (err == MW_E_MALFORMED && why[0] != '\0'));
	if (err)
		return 0;
	check(&command);
	require(mw_json_command(&command, &text) == MW_E_OK);
	require(mw_json_parse_command(text, strlen(text), kind, NULL, "x", why, sizeof(why),
				      &again) == MW_E_OK);
	require(same(&command, &again));
	free(text);
	return 0;
}
