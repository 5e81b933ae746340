/*
 * render.h -- words and references, one after the other, become text with citations.
 *
 * The table of references is schemas/prompt.md's.  Joins: a space, unless the word begins with '+'
 * or is a particle.  Pure; all memory is the struct's.
 */
#ifndef MW_CORE_RENDER_H
#define MW_CORE_RENDER_H

#include "gateway/core/explain.h"
#include "gateway/core/josa.h"

enum mw_reference_kind {
	MW_REFERENCE_NAME,
	MW_REFERENCE_VALUE,
	MW_REFERENCE_NORMAL,
	MW_REFERENCE_DEV,
	MW_REFERENCE_DIR,
	MW_REFERENCE_FROM,
	MW_REFERENCE_NOW,
	MW_REFERENCE_LIMIT,
	MW_REFERENCE_CLAIM, /* of a channel, up to here */
	MW_REFERENCE_EVENT_CLAIM,
	MW_REFERENCE_ONSET,
	MW_REFERENCE_DURATION,
	MW_REFERENCE_FAULT,
	MW_REFERENCE_CAUSE,
	MW_REFERENCE_CHECK,
	MW_REFERENCE_SEEN_TIME, /* of the earlier event that is most alike */
	MW_REFERENCE_SEEN_FAULT,
	MW_REFERENCE_JOSA
};

struct mw_reference {
	enum mw_reference_kind kind;
	unsigned channel; /* 1..3; 0 = none */
	enum mw_josa josa;
	int claim; /* enum mw_claim or enum mw_event_claim */
	const char
	    *words; /* of a claim, as the vocabulary spells them: "+has_risen}"; within the text */
};

/* "{c1.value}", "{c1.rose|climbed}" to a struct; false: no reference of the table. */
bool mw_reference_parse(const char *text, struct mw_reference *ret_reference);

struct mw_render {
	const struct mw_fault_library *library;
	const struct mw_explain_opts *opts;
	const struct mw_event *event;
	bool failed;         /* something cited is not there, or the text is full; text up to it */
	bool starts;         /* a sentence starts here */
	enum mw_final final; /* sound of the end, for the next particle */
	size_t size;
	char text[MW_TEXT_SIZE];
	size_t n_citation;
	struct mw_citation citation[MW_MAX_CITATIONS];
};

/* Borrows all three while the render is used. */
void mw_render_init(struct mw_render *render, const struct mw_fault_library *library,
		    const struct mw_explain_opts *opts, const struct mw_event *event);
/* Appends one word as the vocabulary spells it: "reads", "+,", "{c1.value}", "{josa:이/가}". */
void mw_render_word(struct mw_render *render, const char *word);
/* Appends several, apart by spaces. */
void mw_render_words(struct mw_render *render, const char *words);
/* Nothing failed, and the text is one or more sentences with their ends. */
bool mw_render_is_whole(const struct mw_render *render);
/* The cause and check that the references show: the site's own, or the library's first. */
const char *mw_render_cause(const struct mw_render *render);
const char *mw_render_check(const struct mw_render *render);

#endif
