/*
 * arena.h -- memory of one owner, counted against a limit and freed at once.
 */
#ifndef MW_LM_ARENA_H
#define MW_LM_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lm_arena {
	struct lm_arena_block *blocks;
	size_t used;  /* bytes */
	size_t limit; /* 0 = none */
	bool large;   /* asks for large pages: all of it will be used */
};

/* n * size zeroed bytes, 64-byte aligned; NULL if there are none left or the product overflows.
 * Never NULL for n = 0. */
void *lm_arena_take(struct lm_arena *arena, uint64_t n, size_t size);

/* Makes room for n bytes that are asked for later in parts.  False if there is none. */
bool lm_arena_reserve(struct lm_arena *arena, uint64_t n);

/* A NUL-terminated copy; NULL as above. */
char *lm_arena_string(struct lm_arena *arena, const char *text, size_t size);

void lm_arena_done(struct lm_arena *arena);

#endif
