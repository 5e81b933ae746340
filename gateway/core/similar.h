/*
 * similar.h -- seen before: the earlier events of an asset that look most like a new one.
 *
 * Whoever keeps events (the store, `millwright replay`) offers them one by one, newest first and at
 * most MW_SIMILAR_COMPARED of them; the list keeps the nearest.  Pure; any thread.
 */
#ifndef MW_CORE_SIMILAR_H
#define MW_CORE_SIMILAR_H

#include "gateway/core/embedding.h"
#include "gateway/core/event.h"

#define MW_SIMILAR_COMPARED 1000 /* events of an asset, newest first: older ones are forgotten */
#define MW_SIMILAR_LEAST    0.77 /* similarity; what is less alike is not called seen before */

/* Takes in an earlier event if it is alike enough and among the nearest so far; of equals the one
 * that was offered first. */
void mw_similar_offer(struct mw_similar_list *list, const struct mw_similar *one);

#endif
