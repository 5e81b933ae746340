#include "gateway/base/utf8.h"
#include "gateway/core/event.h"
#include "gateway/io/mqtt.h"

#include <string.h>

#define SHARE "$share/"

/* The first level of a topic or filter, and what follows it (ptr NULL: it was the last). */
static struct mw_str take_level(struct mw_str *rest)
{
	struct mw_str level = *rest;
	const char *slash = rest->len > 0 ? memchr(rest->ptr, '/', rest->len) : NULL;

	if (!slash) {
		*rest = (struct mw_str){NULL, 0};
		return level;
	}
	level.len = (size_t)(slash - rest->ptr);
	rest->ptr = slash + 1;
	rest->len -= level.len + 1;
	return level;
}

static bool level_is(struct mw_str level, char wildcard)
{
	return level.len == 1 && level.ptr[0] == wildcard;
}

/* What follows "$share/GROUP/"; the filter itself when it is not shared. */
static struct mw_str without_share(const char *filter)
{
	struct mw_str rest = {filter, strlen(filter)};

	if (strncmp(filter, SHARE, strlen(SHARE)) == 0) {
		(void)take_level(&rest);
		(void)take_level(&rest);
	}
	return rest;
}

bool mw_topic_matches(const char *filter, struct mw_str topic)
{
	struct mw_str rest = without_share(filter);

	if (!rest.ptr || topic.len == 0)
		return false;
	if (topic.ptr[0] == '$' && rest.len > 0 && (rest.ptr[0] == '+' || rest.ptr[0] == '#'))
		return false;
	while (rest.ptr && topic.ptr) {
		struct mw_str want = take_level(&rest);
		struct mw_str have;

		if (level_is(want, '#'))
			return true;
		have = take_level(&topic);
		if (!level_is(want, '+') &&
		    (want.len != have.len || memcmp(want.ptr, have.ptr, want.len) != 0))
			return false;
	}
	/* "a/#" also matches "a" */
	return !topic.ptr && (!rest.ptr || level_is(rest, '#'));
}

static const char *level_fault(struct mw_str level, bool last)
{
	bool plus = memchr(level.ptr, '+', level.len) != NULL;
	bool hash = memchr(level.ptr, '#', level.len) != NULL;

	if (plus && level.len != 1)
		return "a + stands for one whole level";
	if (hash && level.len != 1)
		return "a # stands for whole levels";
	if (hash && !last)
		return "a # may only be the last level";
	return NULL;
}

static const char *filter_fault(const char *filter)
{
	struct mw_str rest = without_share(filter);

	if (!rest.ptr || rest.len == 0)
		return "is empty";
	if (strlen(filter) > MW_TOPIC_MAX)
		return "is too long";
	if (!mw_utf8_is_clean(filter, strlen(filter)))
		return "is not clean UTF-8";
	if (rest.ptr != filter && memchr(filter, '+', (size_t)(rest.ptr - filter)) != NULL)
		return "a shared subscription's group has no wildcards";
	while (rest.ptr) {
		struct mw_str level = take_level(&rest);
		const char *fault = level_fault(level, !rest.ptr);

		if (fault)
			return fault;
	}
	return NULL;
}

mw_err mw_topic_check_filter(const char *filter, char *why, size_t why_size)
{
	const char *fault = filter_fault(filter);

	if (fault)
		return mw_why(MW_E_INVAL, why, why_size, "\"%.80s\" is no topic filter: %s", filter,
			      fault);
	return MW_E_OK;
}

int mw_topic_levels(const char *filter)
{
	struct mw_str rest = without_share(filter);
	int n = 0;

	while (rest.ptr) {
		if (level_is(take_level(&rest), '#'))
			return -1;
		n++;
	}
	return n;
}

/* The n-th level of a topic, from 1; len 0: there is none. */
static struct mw_str nth_level(struct mw_str topic, unsigned n)
{
	struct mw_str level = {NULL, 0};

	for (unsigned i = 0; i < n; i++) {
		if (!topic.ptr)
			return (struct mw_str){NULL, 0};
		level = take_level(&topic);
	}
	return level;
}

int mw_topic_reference(const char **at)
{
	int n = 0;

	if (**at != '$')
		return 0;
	for (*at += 1; **at >= '0' && **at <= '9' && n < 100; *at += 1)
		n = n * 10 + (**at - '0');
	return n > 0 ? n : -1;
}

mw_err mw_topic_expand(const char *pattern, struct mw_str topic, char *ret_text, size_t size)
{
	char text[MW_NAME_SIZE];
	size_t len = 0;

	for (const char *at = pattern; *at != '\0';) {
		int n = mw_topic_reference(&at);
		struct mw_str piece = {at, 1};

		if (n < 0)
			return MW_E_MALFORMED;
		if (n > 0)
			piece = nth_level(topic, (unsigned)n);
		else
			at++;
		if (piece.len == 0 || piece.len >= sizeof(text) - len)
			return MW_E_MALFORMED;
		memcpy(text + len, piece.ptr, piece.len);
		len += piece.len;
	}
	text[len] = '\0';
	if (len >= size || !mw_utf8_is_clean(text, len))
		return MW_E_MALFORMED;
	memcpy(ret_text, text, len + 1);
	return MW_E_OK;
}
