#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#define NO_PIECE UINT32_MAX

static bool is_better(const struct lm_pair *a, const struct lm_pair *b)
{
	if (a->priority > b->priority || a->priority < b->priority)
		return a->priority > b->priority;
	return a->left < b->left;
}

static void heap_push(struct lm_merger *merger, const struct lm_pair *pair)
{
	size_t at = merger->n_heap++;

	for (; at > 0 && is_better(pair, &merger->heap[(at - 1) / 2]); at = (at - 1) / 2)
		merger->heap[at] = merger->heap[(at - 1) / 2];
	merger->heap[at] = *pair;
}

static struct lm_pair heap_pop(struct lm_merger *merger)
{
	struct lm_pair best = merger->heap[0], last = merger->heap[--merger->n_heap];
	size_t at = 0, child;

	for (; (child = 2 * at + 1) < merger->n_heap; at = child) {
		if (child + 1 < merger->n_heap &&
		    is_better(&merger->heap[child + 1], &merger->heap[child]))
			child++;
		if (!is_better(&merger->heap[child], &last))
			break;
		merger->heap[at] = merger->heap[child];
	}
	merger->heap[at] = last;
	return best;
}

/* Remembers a pair of neighbours if it can be joined. */
static void meet(struct lm_merger *merger, uint32_t left, uint32_t right)
{
	const struct lm_piece *a, *b;
	struct lm_pair pair = {.left = left, .right = right};

	if (left == NO_PIECE || right == NO_PIECE)
		return;
	a = &merger->pieces[left];
	b = &merger->pieces[right];
	pair.size = a->size + b->size;
	if (lm_tokenizer_judge(merger->model, merger->text + a->at, a->size, b->size,
			       &pair.priority))
		heap_push(merger, &pair);
}

static void join(struct lm_merger *merger, const struct lm_pair *pair)
{
	struct lm_piece *left = &merger->pieces[pair->left];
	struct lm_piece *right = &merger->pieces[pair->right];

	left->size += right->size;
	right->size = 0;
	left->right = right->right;
	if (left->right != NO_PIECE)
		merger->pieces[left->right].left = pair->left;
	meet(merger, left->left, pair->left);
	meet(merger, pair->left, left->right);
}

static void cut(struct lm_merger *merger, const uint8_t *text, size_t size)
{
	uint32_t n = 0;

	for (size_t at = 0; at < size; n++) {
		size_t length = lm_utf8_length(text + at, size - at);

		length = length ? length : 1;
		merger->pieces[n] =
		    (struct lm_piece){(uint32_t)at, (uint32_t)length, n ? n - 1 : NO_PIECE, n + 1};
		at += length;
	}
	if (n > 0)
		merger->pieces[n - 1].right = NO_PIECE;
	merger->n_pieces = n;
}

void lm_merger_run(struct lm_merger *merger, const uint8_t *text, size_t size)
{
	merger->text = text;
	merger->n_heap = 0;
	cut(merger, text, size);
	for (uint32_t i = 1; i < merger->n_pieces; i++)
		meet(merger, i - 1, i);
	while (merger->n_heap > 0) {
		struct lm_pair pair = heap_pop(merger);
		const struct lm_piece *left = &merger->pieces[pair.left];
		const struct lm_piece *right = &merger->pieces[pair.right];

		/* a pair whose pieces have changed since was met anew */
		if (left->size > 0 && right->size > 0 && left->right == pair.right &&
		    left->size + right->size == pair.size)
			join(merger, &pair);
	}
}
