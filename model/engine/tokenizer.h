/*
 * tokenizer.h -- from text to tokens and back, by the vocabulary of the file.
 *
 * Both kinds begin with characters and join two neighbours as long as the pair is known, best pair
 * first, leftmost among equals: SentencePiece's BPE (Kudo and Richardson, 2018) by the score of
 * what comes out, byte-level BPE (Radford et al., 2019) by the rank of the pair in the list of
 * merges, within words.
 */
#ifndef MW_LM_TOKENIZER_H
#define MW_LM_TOKENIZER_H

#include "model/engine/model.h"

#define LM_MAX_SPECIAL 64u /* bytes: longer names are not looked for in texts */
#define LM_MAX_ENDS    16u /* tokens that end an answer */

enum lm_tokenizer_kind { LM_TOKENIZER_SPM, LM_TOKENIZER_BPE };

/* How byte-level BPE splits a text into words (tokenizer.ggml.pre). */
enum lm_words {
	LM_WORDS_GPT2,
	LM_WORDS_DIGITS, /* every number alone, the rest as GPT-2 */
	LM_WORDS_LLAMA3, /* up to three numbers at once */
	LM_WORDS_QWEN2   /* the same, every number alone */
};

/* tokenizer.ggml.token_type */
enum lm_token_type {
	LM_TOKEN_NORMAL = 1,
	LM_TOKEN_UNKNOWN,
	LM_TOKEN_CONTROL,
	LM_TOKEN_USER, /* matched as a whole */
	LM_TOKEN_UNUSED,
	LM_TOKEN_BYTE
};

struct lm_merge {
	uint32_t left, right; /* tokens */
	uint32_t rank;        /* MW_LM_NO_TOKEN: a free slot */
};

struct lm_tokenizer {
	enum lm_tokenizer_kind kind;
	uint32_t *slots; /* [slot_mask + 1]: tokens by the hash of their text */
	uint64_t slot_mask;
	struct lm_merge *merges; /* [merge_mask + 1], by the hash of the pair; BPE */
	uint64_t merge_mask;
	float *scores;       /* [n_vocab]; SPM */
	uint8_t *types;      /* [n_vocab] */
	uint32_t bytes[256]; /* the token of a byte, or MW_LM_NO_TOKEN */
	enum lm_words words; /* BPE */
	bool whole_words;    /* a word that is a token is not put together by merges */
	uint32_t bos, unknown;
	uint32_t ends[LM_MAX_ENDS]; /* [n_ends] */
	uint32_t n_ends;
	bool add_bos, space_prefix;
	bool strips;              /* blanks after a control token are no text (Phi-3) */
	size_t longest_special;   /* bytes, of the control and user tokens that are looked for */
	bool special_starts[256]; /* their first bytes */
};

/* tokenizer.c: reads what the file says; a tokenizer that is not known is none. */
mw_lm_err lm_tokenizer_read(const struct lm_load *load);

/* The first token of that text, or MW_LM_NO_TOKEN. */
uint32_t lm_tokenizer_find(const struct mw_lm *model, const uint8_t *text, size_t size);

/* Whether, and how gladly, two neighbours are joined: more is better. */
bool lm_tokenizer_judge(const struct mw_lm *model, const uint8_t *left, size_t left_size,
			size_t right_size, float *ret_priority);

/* Byte-level BPE writes every byte as a printable character below 0x800, and back (or -1). */
uint32_t lm_byte_char(uint8_t byte);
int lm_char_byte(uint32_t c);

/* tokenizer_words.c: bytes of the word at the beginning of a text.  size > 0; never 0.  GPT-2's rule:
 *     's 't 're 've 'm 'll 'd | ?letters | ?numbers | ?others | blanks not before a word | blanks
 * Llama 3's (the suffixes in any case):
 *     's ... | any but a letter, number or newline, then letters | 1 to 3 numbers | ?others and
 *     newlines | blanks up to a newline | blanks not before a word | blanks */
size_t lm_word_length(enum lm_words words, const uint8_t *text, size_t size);

/* The rule that goes by a name of tokenizer.ggml.pre; false if none is known. */
bool lm_words_find(const char *name, enum lm_words *ret_words);

/* text.c: stretches of one text; in those of the template, names of control tokens are these
 * tokens, in the others they are text, whatever the vocabulary says. */
struct lm_stretch {
	const char *text;
	size_t size;
	bool is_template;
};

/* The tokens of stretches as if they were one text; errors as mw_lm_encode. */
mw_lm_err lm_encode_stretches(const struct mw_lm *model, const struct lm_stretch *stretches,
			      size_t n_stretches, uint32_t *ret_tokens, size_t max, size_t *ret_n);

/* The bytes of a token within a text, as mw_lm_decode gives them; the longest is
 * lm_token_bytes_max. */
size_t lm_token_bytes(const struct mw_lm *model, uint32_t token, char *ret_bytes, size_t max);
size_t lm_token_bytes_max(const struct mw_lm *model);

/* tokenizer_merge.c: pieces of a text being joined. */
struct lm_piece {
	uint32_t at, size; /* size 0: joined to its left neighbour */
	uint32_t left, right;
};

struct lm_pair {
	float priority;
	uint32_t left, right, size; /* pieces, and their bytes together when they were met */
};

struct lm_merger {
	const struct mw_lm *model;
	const uint8_t *text;
	struct lm_piece *pieces; /* [room] */
	struct lm_pair *heap;    /* [3 room] */
	size_t n_pieces, n_heap;
};

/* Cuts text into characters (a byte that is none stands alone) and joins them; afterwards the
 * pieces with size > 0, in order, are the tokens.  There is room for `size` pieces. */
void lm_merger_run(struct lm_merger *merger, const uint8_t *text, size_t size);

#endif
