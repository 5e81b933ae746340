/*
 * text_words.h -- what a general model may cite of an event, and the sentences that it wrote as words
 * for the renderer.
 *
 * Such a model has no vocabulary of claims, so it writes short names in braces ("{c1.rose}"); only those
 * that render for the event at hand are offered, and what they read is ours ("has risen").  Pure; no
 * allocation; any thread.
 */
#ifndef MW_CORE_TEXT_WORDS_H
#define MW_CORE_TEXT_WORDS_H

#include "gateway/core/words.h"

#define MW_TEXT_REFERENCES 128
#define MW_TEXT_NAME_SIZE  24

/* ASCII names as the model writes them: "{c1.value}", "{c1.rose}", "{others.steady}". */
struct mw_text_references {
	size_t n;
	char name[MW_TEXT_REFERENCES][MW_TEXT_NAME_SIZE];
};
/* Those that render for the event of `like`, a fresh renderer. */
void mw_text_references(const struct mw_render *like, struct mw_text_references *ret_references);
/* The renderer's word for a name ("{c1.rose|has_risen}"); false: there is no such name, or no room. */
bool mw_text_reference_word(const char *name, enum mw_language language, char *ret, size_t size);

/* Sentences as words. */
struct mw_text_words {
	size_t n, used;
	const char *word[MW_WORDS_MOST]; /* into text */
	char text[4096];
};
/*
 * Takes one more sentence.  Its letters are of the language's script, its signs those of plain
 * sentences, and it says numbers, directions and sizes by references alone.  A sentence without an end gets a
 * full stop; a Korean particle right after a reference follows its sound.  MW_E_MALFORMED: something
 * else; MW_E_FULL: too long; then the words are as before.
 */
MW_MUST_CHECK mw_err mw_text_words_add(struct mw_text_words *words, enum mw_language language,
				       const char *sentence, size_t size);
/* Whether a channel or the fault is cited. */
bool mw_text_words_cite(const struct mw_text_words *words);

#endif
