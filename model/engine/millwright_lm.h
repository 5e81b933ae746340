/*
 * millwright_lm.h -- the int8 language-model engine: GGUF in, logits out.  Stands alone.
 *
 * A model is opened once and never changes; any number of sessions, on any threads, may share it.
 * A session is one prompt being read and answered; one thread at a time.  Everything a session
 * needs is allocated when it is made: reading, stepping and generating allocate nothing.
 *
 * The same prompt gives the same bits: alone or in a batch, in one pass or several, on any number of
 * threads, on every kernel (scalar, avx2, avxvnni, avx512vnni, neon, neondot).  Integer sums are
 * exact and every float sum has one fixed order.
 *
 * Arithmetic: matrices are Q8_0 (32 int8 and one half-precision scale); the activations entering a
 * matrix are quantised per 32 values: d = max|x| / 127, q = x * (127 / max|x|) rounded half to
 * even; a block adds isum * (dw * dx) to a float, blocks in order.  Norms, RoPE, softmax, SiLU,
 * residuals and the keys and values are float.  MW_LM_F32 keeps float matrices and activations: the
 * reference for tests.
 *
 * Words: *borrows* = used during the call only; *takes* = owned by the callee from then on;
 * *lends* = valid while the lender lives; *returns owned* = the caller frees.
 * Outputs are named ret_ and untouched on failure.
 */
#ifndef MILLWRIGHT_LM_H
#define MILLWRIGHT_LM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_LM_API        __attribute__((visibility("default")))
#define MW_LM_MUST_CHECK __attribute__((warn_unused_result))

#define MW_LM_NO_CODE  0xFFFFu     /* an unused slot of a position */
#define MW_LM_NO_TOKEN 0xFFFFFFFFu /* no such token */

/* X(name, text) */
#define MW_LM_ERR_MAP(X)                                                                           \
	X(OK, "ok")                                                                                \
	X(IO, "the file could not be read or written")                                             \
	X(FORMAT, "the file is not a well-formed model")                                           \
	X(UNSUPPORTED, "the model needs something that this engine does not have")                 \
	X(MEMORY, "out of memory, or past the memory limit")                                       \
	X(ARGUMENT, "an argument is out of range")                                                 \
	X(FULL, "the session has no room for more positions")                                      \
	X(STATE, "nothing was read yet")

typedef enum {
#define X(name, text) MW_LM_E_##name,
	MW_LM_ERR_MAP(X)
#undef X
} mw_lm_err;

/* The text of a code; never NULL.  Static storage. */
MW_LM_API const char *mw_lm_err_text(mw_lm_err err);

/* --- models ----------------------------------------------------------------------------------- */

struct mw_lm;

#define MW_LM_MAX_THREADS 64u

enum mw_lm_precision {
	MW_LM_INT8, /* int8 weights and activations */
	MW_LM_F32 /* float weights and activations: 4 times the memory, for tests and comparison */
};

struct mw_lm_options {
	enum mw_lm_precision precision;
	const char *kernels; /* a name from mw_lm_kernels_name; NULL: MW_LM_KERNELS of the
				environment, else the fastest that this processor runs */
	size_t memory_limit; /* bytes of weights and vocabulary; 0 = no limit */
	uint32_t
	    threads; /* that share a pass, at most MW_LM_MAX_THREADS; 0 = 1: the caller's alone.
			     While one caller uses them, others read alone. */
};

/* What a model is.  Strings are lent. */
struct mw_lm_info {
	const char *architecture; /* "millwright", "llama", "openelm", "phi3" */
	const char *name;         /* general.name, "" if absent */
	const char *kernels;      /* the kernels in use */
	uint32_t n_layers, n_embd, n_vocab, n_context;
	uint32_t head_size;
	uint64_t n_parameters;
	uint64_t file_size;    /* bytes */
	uint64_t weight_bytes; /* memory that the model holds */
	/* The window prompt; all 0 for a model of plain text. */
	uint32_t slots;       /* codes summed in a position */
	uint32_t row_length;  /* positions of a row */
	uint32_t first_patch; /* first position of a row that is a patch */
	uint32_t n_patches;   /* row_length - first_patch */
	uint32_t max_rows;    /* asset row + channel rows */
	bool asset_prefix;    /* channel rows also read the asset row */
};

/*
 * Opens a GGUF file (version 2 or 3).  Every count, offset, string and shape is checked; the file
 * must not shrink while it is opened and is not needed afterwards.  options NULL = all zero. Errors
 * name the key or tensor in why (may be NULL); the caller names the file.  Returns owned:
 * mw_lm_close.
 */
MW_LM_API mw_lm_err mw_lm_open(const char *path, const struct mw_lm_options *options,
			       struct mw_lm **ret_model, char *why,
			       size_t why_size) MW_LM_MUST_CHECK;

/* The same from memory, which is borrowed. */
MW_LM_API mw_lm_err mw_lm_open_memory(const void *data, size_t size,
				      const struct mw_lm_options *options, struct mw_lm **ret_model,
				      char *why, size_t why_size) MW_LM_MUST_CHECK;

/* No session of the model may live.  NULL is accepted. */
MW_LM_API void mw_lm_close(struct mw_lm *model);

/* Lent by the model. */
MW_LM_API const struct mw_lm_info *mw_lm_info(const struct mw_lm *model);

/* A metadata value as text (numbers and booleans printed); NULL if the key is absent or an array.
 * Lent by the model. */
MW_LM_API const char *mw_lm_metadata(const struct mw_lm *model, const char *key);

/* Metadata key number i in file order, NULL past the last.  Lent by the model. */
MW_LM_API const char *mw_lm_metadata_key(const struct mw_lm *model, size_t i);

/* The text of a token, NUL-terminated; NULL past the vocabulary.  Lent by the model. */
MW_LM_API const char *mw_lm_token_text(const struct mw_lm *model, uint32_t token);

/* The first token of that text, or MW_LM_NO_TOKEN. */
MW_LM_API uint32_t mw_lm_token_find(const struct mw_lm *model, const char *text);

/* --- text -------------------------------------------------------------------------------------
 *
 * For files that bring a tokenizer: SentencePiece's byte-pair model (tokenizer.ggml.model = llama)
 * or byte-level BPE (gpt2, splitting words as GPT-2 does).  Any number of threads at once. */

#define MW_LM_MAX_TEXT (1u << 20) /* bytes that are encoded at once */

/* Tokens that a text of `size` bytes can become at most. */
#define MW_LM_MAX_TOKENS(size) (3 * ((size_t)(size) + 1) + 1)

enum mw_lm_encoding {
	MW_LM_PLAIN,   /* whatever stands in the text is text */
	MW_LM_SPECIALS /* names of control tokens ("<|end|>") are these tokens */
};

/* The tokens of a text, which need not be UTF-8; the beginning token first where the model wants
 * it.  Errors: UNSUPPORTED (no tokenizer, or one that is not known), ARGUMENT (longer than
 * MW_LM_MAX_TEXT), FULL (more than max tokens), MEMORY. */
MW_LM_API mw_lm_err mw_lm_encode(const struct mw_lm *model, const char *text, size_t size,
				 enum mw_lm_encoding encoding, uint32_t *ret_tokens, size_t max,
				 size_t *ret_n) MW_LM_MUST_CHECK;

/* The bytes of tokens, not NUL-terminated; control tokens have none.  At the start of a text the
 * blank that encoding put there is taken away.  Errors: UNSUPPORTED, ARGUMENT (no such token), FULL
 * (more than max bytes). */
MW_LM_API mw_lm_err mw_lm_decode(const struct mw_lm *model, const uint32_t *tokens, size_t n,
				 bool at_start, char *ret_text, size_t max,
				 size_t *ret_size) MW_LM_MUST_CHECK;

/* Whether a token ends an answer (end of sequence, or of a turn). */
MW_LM_API bool mw_lm_token_ends(const struct mw_lm *model, uint32_t token);

/* The names of the kernels that this processor runs, number i from 0, slowest ("scalar") first;
 * NULL past the last.  Static storage. */
MW_LM_API const char *mw_lm_kernels_name(size_t i);

/* --- sessions --------------------------------------------------------------------------------- */

struct mw_lm_session;

struct mw_lm_session_options {
	uint32_t max_rows;   /* rows of a window prompt; 0 = none (plain text) */
	uint32_t max_tail;   /* positions after the rows: question and answer, or the whole text */
	uint32_t pass;       /* positions that share one pass over the weights; 0 = 64 */
	size_t memory_limit; /* bytes; 0 = no limit */
};

/* Makes a session; borrows the model, which must outlive it.  Returns owned: mw_lm_session_free.
 * Errors: ARGUMENT (more rows than the model knows), MEMORY. */
MW_LM_API mw_lm_err mw_lm_session_new(const struct mw_lm *model,
				      const struct mw_lm_session_options *options,
				      struct mw_lm_session **ret_session) MW_LM_MUST_CHECK;
MW_LM_API void mw_lm_session_free(struct mw_lm_session *session);

/* Bytes that the session holds. */
MW_LM_API size_t mw_lm_session_memory(const struct mw_lm_session *session);

/* Forgets everything that was read. */
MW_LM_API void mw_lm_session_reset(struct mw_lm_session *session);

/* A window to read.  codes: [n_rows][row_length][slots]; row 0 is the asset row.  question:
 * [slots], the first tail position, or NULL for none (then no token can be asked for).  All
 * borrowed. */
struct mw_lm_window {
	struct mw_lm_session *session; /* is reset; a different one for each window of a batch */
	const uint16_t *codes;
	uint32_t n_rows;
	const uint16_t *question;
	float *ret_patch_logits; /* [n_rows][n_patches]: "a fault is active in this patch" */
};

/*
 * Reads n windows of sessions of one model; positions of all of them share passes over the weights,
 * in the scratch of the first session.  On an error nothing is written or reset.
 * Errors: ARGUMENT (a code past the vocabulary, no rows, sessions of different models or repeated).
 */
MW_LM_API mw_lm_err mw_lm_read_batch(const struct mw_lm_window *windows, size_t n) MW_LM_MUST_CHECK;

/* Reads one window. */
MW_LM_API mw_lm_err mw_lm_read(const struct mw_lm_window *window) MW_LM_MUST_CHECK;

/* Reads n > 0 more tokens at the tail (a text, or a part of an answer that is known).  Where RoPE
 * has other factors for long texts, a text that becomes long is read anew, once: the answer does not
 * depend on the portions in which it was read. */
MW_LM_API mw_lm_err mw_lm_prefill(struct mw_lm_session *session, const uint32_t *tokens,
				  size_t n) MW_LM_MUST_CHECK;

/* Reads one more token at the tail of each of n different sessions of one model. */
MW_LM_API mw_lm_err mw_lm_step_batch(struct mw_lm_session *const *sessions, const uint32_t *tokens,
				     size_t n) MW_LM_MUST_CHECK;

/* Reads one more token at the tail. */
MW_LM_API mw_lm_err mw_lm_step(struct mw_lm_session *session, uint32_t token) MW_LM_MUST_CHECK;

/* Logits of the tokens [first, first + n) after the last tail position, into ret_logits[n].  Costs
 * what these tokens cost, so ask only for the ones in question. */
MW_LM_API mw_lm_err mw_lm_logits(struct mw_lm_session *session, uint32_t first, uint32_t n,
				 float *ret_logits) MW_LM_MUST_CHECK;

/* Logits of all tokens, of each of n different sessions of one model, which share the reading of the
 * matrix: ret_logits[i] is [n_vocab] of session i.  Errors: ARGUMENT (sessions of different models or
 * repeated), STATE (one of them has read nothing). */
MW_LM_API mw_lm_err mw_lm_logits_batch(struct mw_lm_session *const *sessions, size_t n,
				       float *const *ret_logits) MW_LM_MUST_CHECK;

/* The normed hidden state [n_embd] of the last tail position: the window's embedding.  Lent until
 * the session reads again; NULL if no tail position was read. */
MW_LM_API const float *mw_lm_hidden(const struct mw_lm_session *session);

/* Tail positions read so far. */
MW_LM_API uint32_t mw_lm_tail_length(const struct mw_lm_session *session);

/* --- grammars --------------------------------------------------------------------------------- */

/*
 * A finite automaton over tokens: states 0..n_states-1, start 0; a state admits ranges of tokens,
 * each with its next state; a state without any is final.  Loops are allowed; the length of an
 * answer is bounded by max_tokens of mw_lm_generate or by unrolled states.  Counting is unrolled by
 * the caller. Not changed while it is used: then any number of threads may share it.
 */
struct mw_lm_grammar;

#define MW_LM_GRAMMAR_MAX_STATES (1u << 20)
#define MW_LM_GRAMMAR_MAX_RANGES (1u << 22)

/* Returns owned: mw_lm_grammar_free. */
MW_LM_API mw_lm_err mw_lm_grammar_new(uint32_t n_states, uint32_t n_vocab,
				      struct mw_lm_grammar **ret_grammar) MW_LM_MUST_CHECK;
MW_LM_API void mw_lm_grammar_free(struct mw_lm_grammar *grammar);

/* Admits a token, or the tokens [first, first + n), in a state.  Where ranges of a state overlap,
 * the one that was admitted first gives the next state.  Errors: ARGUMENT, MEMORY. */
MW_LM_API mw_lm_err mw_lm_grammar_allow(struct mw_lm_grammar *grammar, uint32_t state,
					uint32_t token, uint32_t next) MW_LM_MUST_CHECK;
MW_LM_API mw_lm_err mw_lm_grammar_allow_range(struct mw_lm_grammar *grammar, uint32_t state,
					      uint32_t first, uint32_t n,
					      uint32_t next) MW_LM_MUST_CHECK;

MW_LM_API bool mw_lm_grammar_is_final(const struct mw_lm_grammar *grammar, uint32_t state);

/* The state after a token, or MW_LM_NO_TOKEN if the state does not admit it. */
MW_LM_API uint32_t mw_lm_grammar_next(const struct mw_lm_grammar *grammar, uint32_t state,
				      uint32_t token);

/* One chosen token. */
struct mw_lm_choice {
	uint32_t token;
	uint32_t state; /* state that admitted it */
	float log_prob; /* natural log of its probability among the admitted tokens */
};

/*
 * Greedy constrained decoding from state 0 until a final state, at most max_choices tokens.  Ties
 * go to the lower token.  Chosen tokens are read at the tail, the last one excepted: nothing
 * follows it. ret_choices[max_choices], *ret_n = how many; *ret_final = a final state was reached.
 * Errors: STATE (no question was read), FULL, ARGUMENT (grammar of another vocabulary).
 */
MW_LM_API mw_lm_err mw_lm_generate(struct mw_lm_session *session,
				   const struct mw_lm_grammar *grammar, size_t max_choices,
				   struct mw_lm_choice *ret_choices, size_t *ret_n,
				   bool *ret_final) MW_LM_MUST_CHECK;

/* --- files ------------------------------------------------------------------------------------ */

/* Writes a copy of a GGUF file whose matrices (both sides of 32 or more, width a multiple of 32),
 * of whatever known type, are Q8_0.  The target appears whole or not at all. */
MW_LM_API mw_lm_err mw_lm_quantize(const char *source, const char *target, char *why,
				   size_t why_size) MW_LM_MUST_CHECK;

#endif
