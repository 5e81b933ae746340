/*
 * text_prompt.h -- a window as compact text, for general models that read text (schemas/prompt.md,
 * "Text prompt").
 *
 * Levels are whole numbers of healthy spreads, values have four digits: the same window gives the same
 * bytes.  Pure; no allocation; any thread.
 */
#ifndef MW_CORE_TEXT_PROMPT_H
#define MW_CORE_TEXT_PROMPT_H

#include "gateway/core/asset.h"
#include "gateway/core/text_words.h"

#define MW_TEXT_PROMPT_SIZE 16384 /* bytes of one message, NUL included: more than any takes */
#define MW_TEXT_CHANNELS    MW_PROMPT_MAX_CHANNELS

/* What is shown of an asset's present window; the asset is borrowed. */
struct mw_text_view {
	const struct mw_asset *asset;
	enum mw_language language;
	size_t n_channel;
	uint8_t channel[MW_TEXT_CHANNELS]; /* of the asset; number i is called c(i + 1) */
	unsigned patches;                  /* the newest of the window, 1..16 */
};

/* The channels of a prompt, in its order: channel row i + 1 is c(i + 1). */
void mw_text_view_of_prompt(const struct mw_asset *asset, const struct mw_prompt *prompt,
			    struct mw_text_view *ret_view);
/* The event's channels in its order, then the strongest others. */
void mw_text_view_of_event(const struct mw_asset *asset, struct mw_text_view *ret_view);
/* Shows less: half the patches (4 stay), then one channel less (`least` stay).  false: that was all. */
bool mw_text_view_shrink(struct mw_text_view *view, size_t least);

/* What a judge is told, and asked: the window.  Returns the length; the text is cut at size. */
const char *mw_text_judge_system(void);
size_t mw_text_judge_question(const struct mw_text_view *view, char *ret_text, size_t size);

/* The same for the explanation of the event of `like`, a fresh renderer, with what may be cited. */
const char *mw_text_explain_system(enum mw_language language);
size_t mw_text_explain_question(const struct mw_text_view *view, const struct mw_render *like,
				const struct mw_text_references *references, char *ret_text,
				size_t size);

#endif
