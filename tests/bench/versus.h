/*
 * versus.h -- what versus.c measures: an engine with one model and some texts being read.
 *
 * Two files implement it: versus_ours.c by this engine, versus_llama.c by an installed llama.cpp or
 * a fork of it.  A failure ends the program with a message: these are tools for a terminal.
 */
#ifndef MW_BENCH_VERSUS_H
#define MW_BENCH_VERSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSUS_MAX_TEXTS 16u

struct versus_options {
	const char *path;
	uint32_t threads;
	uint32_t n_texts;       /* read side by side */
	uint32_t max_text;      /* tokens of a text */
	const char *arithmetic; /* NULL: the engine's own; "f32", "f16": where it has a choice */
	bool plain_attention;   /* without flash attention, where the engine has a choice */
};

/* Opens the model; once in a program. */
void versus_open(const struct versus_options *options);
uint32_t versus_vocabulary(void);
/* Forgets all texts. */
void versus_reset(void);
/* Reads n tokens of text 0 and makes the logits after the last. */
void versus_prefill(const uint32_t *tokens, size_t n);
/* Reads one more token of each of the first n texts and makes all logits of each. */
void versus_step(const uint32_t *tokens, size_t n);
/* Logits [vocabulary] of a text after the last step; of text 0 after a prefill. */
const float *versus_logits(size_t text);
/* Reads n tokens of text 0 and makes the logits after each: [n][vocabulary]. */
void versus_all_logits(const uint32_t *tokens, size_t n, float *ret_logits);

#endif
