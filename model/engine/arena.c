#include "model/engine/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64u
#define CHUNK     65536u /* small requests share blocks of this size */
#define SMALL     4096u
#define MAPPED                                                                                     \
	262144u /* from this size on, pages come from the system, zeroed on their first use */

struct lm_arena_block {
	struct lm_arena_block *next;
	size_t size; /* with this head */
	size_t used;
};

_Static_assert(sizeof(struct lm_arena_block) <= ALIGNMENT, "the head takes one line");

static struct lm_arena_block *zeroed(size_t size, bool large)
{
	struct lm_arena_block *block;

	if (size < MAPPED) {
		block = aligned_alloc(ALIGNMENT, size);
		return block ? memset(block, 0, size) : NULL;
	}
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return NULL;
	if (large)
		(void)madvise(block, size, MADV_HUGEPAGE);
	return block;
}

static void block_free(struct lm_arena_block *block)
{
	if (block->size < MAPPED)
		free(block);
	else
		(void)munmap(block, block->size);
}

static struct lm_arena_block *block_new(struct lm_arena *arena, size_t size)
{
	struct lm_arena_block *block;

	if (arena->limit && (size > arena->limit || arena->used > arena->limit - size))
		return NULL;
	block = zeroed(size, arena->large);
	if (!block)
		return NULL;
	block->size = size;
	block->used = ALIGNMENT;
	/* a large block goes second, so that small requests go on filling the first */
	block->next = arena->blocks;
	if (arena->blocks && size != CHUNK) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
	}
	arena->used += size;
	return block;
}

void *lm_arena_take(struct lm_arena *arena, uint64_t n, size_t size)
{
	struct lm_arena_block *block = arena->blocks;
	uint64_t bytes;
	char *at;

	n = n ? n : 1;
	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 4)
		return NULL;
	bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || bytes > block->size - block->used) {
		bool share =
		    bytes <= SMALL && !(arena->limit && arena->limit - arena->used < CHUNK);

		block = block_new(arena, share ? CHUNK : (size_t)bytes + ALIGNMENT);
		if (!block)
			return NULL;
	}
	at = (char *)block + block->used;
	block->used += (size_t)bytes;
	return at;
}

char *lm_arena_string(struct lm_arena *arena, const char *text, size_t size)
{
	char *copy = lm_arena_take(arena, (uint64_t)size + 1, 1);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

void lm_arena_done(struct lm_arena *arena)
{
	while (arena->blocks) {
		struct lm_arena_block *next = arena->blocks->next;

		block_free(arena->blocks);
		arena->blocks = next;
	}
	arena->used = 0;
}
