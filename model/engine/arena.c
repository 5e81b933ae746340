#include "model/engine/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 64u
#define CHUNK     65536u /* small requests share blocks of this size */
#define SMALL     4096u
#define PAGE      4096u
#define LARGE     2097152u /* a large page */
/* From this size on, pages come from the system, zeroed on their first use. */
#define MAPPED 262144u

struct lm_arena_block {
	struct lm_arena_block *next;
	size_t size; /* with this head */
	size_t used;
};

_Static_assert(sizeof(struct lm_arena_block) <= ALIGNMENT, "the head takes one line");

/* Zeroed pages; from the start of a large one where they are to be large. */
static void *map_pages(size_t size, bool large)
{
	size_t more = large && size >= LARGE ? LARGE : 0, skip, left;
	char *at =
	    mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	if (!more)
		return at;
	skip = (LARGE - (uintptr_t)at % LARGE) % LARGE;
	left = more - skip;
	if (skip)
		(void)munmap(at, skip);
	if (left)
		(void)munmap(at + skip + size, left);
	(void)madvise(at + skip, size, MADV_HUGEPAGE);
	return at + skip;
}

static struct lm_arena_block *zeroed(size_t size, bool large)
{
	struct lm_arena_block *block;

	if (size >= MAPPED)
		return map_pages(size, large);
	block = aligned_alloc(ALIGNMENT, size);
	return block ? memset(block, 0, size) : NULL;
}

static void block_free(struct lm_arena_block *block)
{
	if (block->size < MAPPED)
		free(block);
	else
		(void)munmap(block, block->size);
}

static struct lm_arena_block *block_new(struct lm_arena *arena, size_t size, bool first)
{
	size_t whole = size < MAPPED ? ALIGNMENT : PAGE;
	struct lm_arena_block *block;

	size = (size + whole - 1) / whole * whole;
	if (arena->limit && (size > arena->limit || arena->used > arena->limit - size))
		return NULL;
	block = zeroed(size, arena->large);
	if (!block)
		return NULL;
	block->size = size;
	block->used = ALIGNMENT;
	block->next = arena->blocks;
	if (arena->blocks && !first) {
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

		/* a large block goes second, so that small requests go on filling the first */
		block = block_new(arena, share ? CHUNK : (size_t)bytes + ALIGNMENT, share);
		if (!block)
			return NULL;
	}
	at = (char *)block + block->used;
	block->used += (size_t)bytes;
	return at;
}

bool lm_arena_reserve(struct lm_arena *arena, uint64_t n)
{
	return n < SIZE_MAX / 4 && block_new(arena, (size_t)n + ALIGNMENT, true) != NULL;
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
