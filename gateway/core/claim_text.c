/* claim_text.c -- claims by name. */
#include "gateway/core/claim.h"

#include <stdio.h>
#include <string.h>

static const char *const text[MW_N_CLAIM] = {
#define X(name, text) text,
    MW_CLAIM_MAP(X)
#undef X
};
static const char *const event_text[MW_N_EVENT_CLAIM] = {"others.steady", "others.off"};

const char *mw_claim_text(enum mw_claim claim)
{
	return text[claim];
}

const char *mw_event_claim_text(enum mw_event_claim claim)
{
	return event_text[claim];
}

static int find_text(const char *const *texts, int count, const char *wanted, size_t n)
{
	for (int i = 0; i < count; i++)
		if (strlen(texts[i]) == n && memcmp(texts[i], wanted, n) == 0)
			return i;
	return -1;
}

int mw_claim_from_text(const char *wanted, size_t n)
{
	return find_text(text, MW_N_CLAIM, wanted, n);
}

int mw_event_claim_from_text(const char *wanted, size_t n)
{
	return find_text(event_text, MW_N_EVENT_CLAIM, wanted, n);
}

char *mw_claims_text(uint32_t set, char ret[MW_CLAIMS_TEXT_SIZE])
{
	size_t n = 0;

	ret[0] = '\0';
	for (int claim = 0; claim < MW_N_CLAIM; claim++)
		if (set >> claim & 1)
			n += (size_t)snprintf(ret + n, MW_CLAIMS_TEXT_SIZE - n, "%s%s",
					      n > 0 ? " " : "", text[claim]);
	return ret;
}

uint32_t mw_claims_from_text(const char *names)
{
	uint32_t set = 0;

	while (*names) {
		size_t n = strcspn(names, " ");
		int claim = mw_claim_from_text(names, n);

		if (claim >= 0)
			set |= 1u << claim;
		names += n + (names[n] == ' ');
	}
	return set;
}
