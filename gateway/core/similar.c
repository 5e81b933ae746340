#include "gateway/core/similar.h"

void mw_similar_offer(struct mw_similar_list *list, const struct mw_similar *one)
{
	size_t at = list->n;

	if (!(one->similarity >= MW_SIMILAR_LEAST))
		return;
	while (at > 0 && list->event[at - 1].similarity < one->similarity)
		at--;
	if (at == MW_EVENT_SIMILAR)
		return;
	if (list->n < MW_EVENT_SIMILAR)
		list->n++;
	for (size_t i = list->n - 1; i > at; i--)
		list->event[i] = list->event[i - 1];
	list->event[at] = *one;
}
