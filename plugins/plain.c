/* plain -- a payload that is one number as text: "21.5", " -3e2\n", "true", "off". */
#include "plugins/mw_plugin.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64

struct plain_state {
	const struct mw_host *host;
	mw_instance *instance;
	locale_t c_locale; /* a decimal comma of the process's locale must not matter */
};

static mw_err refuse(const struct plain_state *state, const char *why)
{
	state->host->log(state->instance, 1, "payload.malformed", "%s", why);
	return MW_E_MALFORMED;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct mw_str trim(struct mw_str text)
{
	while (text.len > 0 && is_space(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && is_space(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* Machines write them in any case. */
static bool same_word(const char *text, const char *word)
{
	for (; *word != '\0' && (*text | 0x20) == *word; text++, word++)
		;
	return *word == '\0' && *text == '\0';
}

static bool read_word(const char *text, double *ret_value)
{
	static const struct {
		const char *word;
		double value;
	} words[] = {{"true", 1}, {"false", 0}, {"on", 1}, {"off", 0}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (same_word(text, words[i].word)) {
			*ret_value = words[i].value;
			return true;
		}
	return false;
}

/* Decimal notation only: strtod alone would take "0x10", "inf" and "nan". */
static bool read_number(const struct plain_state *state, const char *text, double *ret_value)
{
	char *end;

	if (text[strspn(text, "+-.0123456789eE")] != '\0')
		return false;
	*ret_value = strtod_l(text, &end, state->c_locale);
	return end != text && *end == '\0';
}

static mw_err plain_decode(void *own, struct mw_str topic, const void *payload, size_t size)
{
	const struct plain_state *state = own;
	struct mw_str number = trim((struct mw_str){payload, size});
	struct mw_sample sample = {0};
	char text[TEXT_MAX];

	(void)topic;
	if (number.len == 0)
		return refuse(state, "the payload is empty");
	if (number.len >= sizeof(text) || memchr(number.ptr, '\0', number.len))
		return refuse(state, "the payload is not a number");
	memcpy(text, number.ptr, number.len);
	text[number.len] = '\0';
	if (!read_word(text, &sample.value) && !read_number(state, text, &sample.value))
		return refuse(state, "the payload is not a number");
	return state->host->emit_sample(state->instance, &sample);
}

static mw_err plain_check(const void *config, char *why, size_t why_size)
{
	(void)config;
	(void)why;
	(void)why_size;
	return MW_E_OK;
}

static mw_err plain_init(void *own, const void *config, const struct mw_host *host,
			 mw_instance *instance)
{
	struct plain_state *state = own;

	(void)config;
	state->host = host;
	state->instance = instance;
	state->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return state->c_locale ? MW_E_OK : MW_E_NOMEM;
}

static void plain_fini(void *own)
{
	struct plain_state *state = own;

	if (state->c_locale)
		freelocale(state->c_locale);
}

static const struct mw_option plain_options[] = {{NULL, 0, 0, NULL, 0, 0, NULL}};

static const struct mw_plugin plain_plugin = {
    .abi = MW_PLUGIN_ABI,
    .size = sizeof(struct mw_plugin),
    .kind = MW_DECODER,
    .state_size = sizeof(struct plain_state),
    .config_size = 0,
    .name = "plain",
    .version = "1",
    .summary = "The whole payload is one number as text; true/on are 1, false/off are 0.",
    .options = plain_options,
    .check = plain_check,
    .init = plain_init,
    .fini = plain_fini,
    .decode = plain_decode,
};

const struct mw_plugin *mw_plugin_entry(void)
{
	return &plain_plugin;
}
