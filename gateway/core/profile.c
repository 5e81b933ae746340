#include "gateway/core/profile.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_text[MW_N_CHANNEL_KIND] = {
    [MW_CHANNEL_MEASURED] = "measured", [MW_CHANNEL_STATE] = "state",
    [MW_CHANNEL_COUNTER] = "counter",   [MW_CHANNEL_COMMAND] = "command",
    [MW_CHANNEL_ALARM] = "alarm",
};

const char *mw_channel_kind_text(enum mw_channel_kind kind)
{
	return kind_text[kind];
}

int mw_channel_kind_from_text(const char *text)
{
	for (int kind = 0; kind < MW_N_CHANNEL_KIND; kind++)
		if (strcmp(kind_text[kind], text) == 0)
			return kind;
	return -1;
}

void mw_profile_free(struct mw_profile *profile)
{
	if (!profile)
		return;
	free(profile->channel);
	free(profile->edge);
	free(profile->weak);
	free(profile->site);
	free(profile->paths);
	free(profile);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Steps back to the last '*' only: linear in most cases, never more than the product of lengths. */
bool mw_profile_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			retry = name;
		} else if (*pattern == '?' || lower(*pattern) == lower(*name)) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool has_alias(const struct mw_profile_channel *channel, const char *name)
{
	for (size_t i = 0; i < channel->n_alias; i++)
		if (strcmp(channel->alias[i], name) == 0)
			return true;
	return false;
}

int mw_profile_index(const struct mw_profile *profile, const char *name)
{
	size_t n = profile ? profile->n_channel : 0;

	for (size_t i = 0; i < n; i++)
		if (!profile->channel[i].is_pattern && strcmp(profile->channel[i].name, name) == 0)
			return (int)i;
	for (size_t i = 0; i < n; i++)
		if (has_alias(&profile->channel[i], name))
			return (int)i;
	for (size_t i = 0; i < n; i++)
		if (profile->channel[i].is_pattern &&
		    mw_profile_matches(profile->channel[i].name, name))
			return (int)i;
	return -1;
}

const struct mw_profile_channel *mw_profile_find(const struct mw_profile *profile, const char *name)
{
	int i = mw_profile_index(profile, name);

	return i < 0 ? NULL : &profile->channel[i];
}

/* Comparisons with NaN are false: a limit that is not said is not crossed. */
int mw_profile_outside(const struct mw_profile_channel *channel, double value)
{
	if (value < channel->alarm_low || value > channel->alarm_high)
		return 2;
	return value < channel->low || value > channel->high;
}

/* Breadth first from one entry; a queue holds every entry once. */
static void paths_from(const struct mw_profile *profile, uint16_t from, uint16_t *length)
{
	uint16_t queue[MW_PROFILE_MAX_CHANNELS];
	size_t head = 0, tail = 0;

	for (size_t i = 0; i < MW_PROFILE_MAX_CHANNELS; i++)
		length[i] = MW_PROFILE_NO_PATH;
	length[from] = 0;
	queue[tail++] = from;
	while (head < tail) {
		uint16_t at = queue[head++];

		for (size_t e = 0; e < profile->n_edge; e++) {
			uint16_t to = profile->edge[e].to;

			if (profile->edge[e].from != at || length[to] != MW_PROFILE_NO_PATH)
				continue;
			length[to] = (uint16_t)(length[at] + 1);
			queue[tail++] = to;
		}
	}
}

void mw_profile_paths(const struct mw_profile *profile, struct mw_profile_paths *ret_paths)
{
	for (size_t i = 0; i < profile->n_channel; i++)
		paths_from(profile, (uint16_t)i, ret_paths->length[i]);
}

const struct mw_profile_weak *mw_profile_weak_of(const struct mw_profile *profile,
						 enum mw_fault fault, int entry)
{
	const struct mw_profile_weak *best = NULL;

	for (size_t i = 0; profile && i < profile->n_weak; i++) {
		const struct mw_profile_weak *weak = &profile->weak[i];
		bool here = weak->channel >= 0 && weak->channel == entry;

		if (weak->fault != fault || (weak->channel >= 0 && !here))
			continue;
		if (!best || (here && best->channel < 0) ||
		    (here == (best->channel >= 0) && weak->weight > best->weight))
			best = weak;
	}
	return best;
}
