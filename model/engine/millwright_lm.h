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
 * residuals are float.  In llama, openelm and phi3 the activations' d is of half precision, as in
 * Q8_0.  Keys and values are float, half precision or int8 with a scale for every head's vector.
 * MW_LM_F32 keeps float matrices and activations: the reference for tests.
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
	MW_LM_F32, /* float weights and activations: 4 times the memory, for tests and comparison */
	MW_LM_F16  /* half precision: weights, activations, queries, weights of attention; sums are
		      float.  What llama.cpp does with an F16 file without flash attention. */
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

/* A matrix or vector as it stands in the file. */
struct mw_lm_tensor {
	const char *name, *type; /* "blk.0.attn_q.weight", "Q8_0" */
	uint64_t rows, cols;     /* a vector has one row */
};

/* Tensor number i by name, NULL past the last.  Lent by the model. */
MW_LM_API const struct mw_lm_tensor *mw_lm_tensor(const struct mw_lm *model, size_t i);

/* The text of a token, NUL-terminated; NULL past the vocabulary.  Lent by the model. */
MW_LM_API const char *mw_lm_token_text(const struct mw_lm *model, uint32_t token);

/* The first token of that text, or MW_LM_NO_TOKEN. */
MW_LM_API uint32_t mw_lm_token_find(const struct mw_lm *model, const char *text);

/* --- text -------------------------------------------------------------------------------------
 *
 * For files that bring a tokenizer: SentencePiece's byte-pair model (tokenizer.ggml.model = llama)
 * or byte-level BPE (gpt2) that splits words as GPT-2, StarCoder, Llama 3 or Qwen 2 do
 * (tokenizer.ggml.pre).  Any number of threads at once. */

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

/* How texts become tokens, in words ("SentencePiece BPE"); NULL if the file has no tokenizer or one
 * that is not known: then *ret_why, which may be NULL, says which.  Lent by the model. */
MW_LM_API const char *mw_lm_tokenizer_name(const struct mw_lm *model, const char **ret_why);

/* Whether a token ends an answer (end of sequence, or of a turn). */
MW_LM_API bool mw_lm_token_ends(const struct mw_lm *model, uint32_t token);

/* The names of the kernels that this processor runs, number i from 0, slowest ("scalar") first;
 * NULL past the last.  Static storage. */
MW_LM_API const char *mw_lm_kernels_name(size_t i);

/* --- sessions --------------------------------------------------------------------------------- */

struct mw_lm_session;

/* What keys and values are kept as. */
enum mw_lm_cache {
	MW_LM_CACHE_DEFAULT, /* F16; F32 for window models and in MW_LM_F32; a fork: as its parent */
	MW_LM_CACHE_F32,
	MW_LM_CACHE_F16, /* half the memory */
	MW_LM_CACHE_INT8 /* a quarter, and 4 bytes for every key and value of a head */
};

struct mw_lm_session_options {
	uint32_t max_rows;   /* rows of a window prompt; 0 = none (plain text) */
	uint32_t max_tail;   /* positions after the rows: question and answer, or the whole text */
	uint32_t pass;       /* positions that share one pass over the weights; 0 = 64 */
	size_t memory_limit; /* bytes; 0 = no limit */
	enum mw_lm_cache cache;
};

/* Makes a session; borrows the model, which must outlive it.  Returns owned: mw_lm_session_free.
 * Errors: ARGUMENT (more rows than the model knows), MEMORY. */
MW_LM_API mw_lm_err mw_lm_session_new(const struct mw_lm *model,
				      const struct mw_lm_session_options *options,
				      struct mw_lm_session **ret_session) MW_LM_MUST_CHECK;

/*
 * Makes a session that has read what the parent has, and shares the parent's keys and values instead
 * of reading again: its answers have the same bits as those of a session that read all of it.
 * options: max_rows 0; max_tail: positions that it may read after those.  The parent must have read a
 * tail; while a fork lives, reading with the parent is a STATE error (its logits may be asked for).
 * Forks may be forked, and used on other threads.  The parent's memory stays until the last of its
 * forks is freed.  Resetting a fork takes it back to where it was forked.
 * Returns owned: mw_lm_session_free.  Errors: ARGUMENT, STATE, MEMORY.
 */
MW_LM_API mw_lm_err mw_lm_session_fork(struct mw_lm_session *parent,
				       const struct mw_lm_session_options *options,
				       struct mw_lm_session **ret_session) MW_LM_MUST_CHECK;

/* NULL is accepted. */
MW_LM_API void mw_lm_session_free(struct mw_lm_session *session);

/* Bytes that the session holds; of a fork: without those that it shares. */
MW_LM_API size_t mw_lm_session_memory(const struct mw_lm_session *session);

/* Forgets everything that was read; by a fork: after it was forked. */
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
 * in the scratch of the session with most room.  On an error nothing is written or reset.
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

/* Forgets the tail from position n on: what is read next follows position n - 1.  Until then there
 * are no logits (STATE).  Errors: ARGUMENT (n past the tail, or in what a fork shares, or a text
 * read with factors for long ones). */
MW_LM_API mw_lm_err mw_lm_cut_tail(struct mw_lm_session *session, uint32_t n) MW_LM_MUST_CHECK;

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
 * Constrained decoding from state 0 until a final state, at most max_choices tokens: greedy, ties go
 * to the lower token; or drawn by the sampling's temperature, min_p and seed (its other members are
 * not used here; NULL: greedy).  Chosen tokens are read at the tail, the last one excepted: nothing
 * follows it. ret_choices[max_choices], *ret_n = how many; *ret_final = a final state was reached.
 * Errors: STATE (no question was read), FULL, ARGUMENT (grammar of another vocabulary, a number of
 * the sampling out of range).
 */
struct mw_lm_sampling;
MW_LM_API mw_lm_err mw_lm_generate(struct mw_lm_session *session,
				   const struct mw_lm_grammar *grammar,
				   const struct mw_lm_sampling *sampling, size_t max_choices,
				   struct mw_lm_choice *ret_choices, size_t *ret_n,
				   bool *ret_final) MW_LM_MUST_CHECK;

/* --- answers in a form ------------------------------------------------------------------------ */

/*
 * A JSON Schema, compiled for a model's vocabulary: what is written under it is JSON without blanks
 * that the schema admits.  Never changes: any number of threads may share it.
 *
 * Keys: type (one or several), properties (written in this order, nothing else), required, items,
 * minItems, maxItems, minLength, maxLength, enum, const, anyOf (alternatives that begin with
 * different characters), minimum and maximum (0 or 1, or whole numbers in a range of 4096); title,
 * description, default, examples and the like say nothing.  Any other key is refused.
 */
struct mw_lm_schema;

struct mw_lm_schema_options {
	/* No number is made up: digits come from enums, consts, names of properties and references
	 * alone.  Strings hold no number of any script, no braces but those of references. */
	bool no_digits;
	/* Texts of ASCII, "{...}", that strings may hold as a whole; then braces stand for them
	 * alone.  Borrowed for the call. */
	const char *const *references;
	size_t n_references;
};

/* The model must outlive it; options NULL = all zero.  Errors name the place in the schema: FORMAT
 * (no schema, or one that nothing satisfies), UNSUPPORTED (a key, or the model has no tokenizer),
 * ARGUMENT (a reference), MEMORY (also: more than 2^20 states).  Returns owned:
 * mw_lm_schema_free. */
MW_LM_API mw_lm_err mw_lm_schema_new(const struct mw_lm *model, const char *text, size_t size,
				     const struct mw_lm_schema_options *options,
				     struct mw_lm_schema **ret_schema, char *why,
				     size_t why_size) MW_LM_MUST_CHECK;
MW_LM_API void mw_lm_schema_free(struct mw_lm_schema *schema);

/* Tokens that are enough for the shortest answer. */
MW_LM_API uint32_t mw_lm_schema_shortest(const struct mw_lm_schema *schema);

/* Whether a text is an answer. */
MW_LM_API bool mw_lm_schema_admits(const struct mw_lm_schema *schema, const char *text,
				   size_t size);

/* --- writing ---------------------------------------------------------------------------------- */

/* How a token is chosen: the logits of tokens that were there lately are made smaller, then the
 * likeliest top_k are kept, of these as many as have top_p of the probability, of these the ones that
 * have min_p of the best one's; one of them is drawn at this temperature.  The same seed draws the
 * same tokens on every machine. */
struct mw_lm_sampling {
	float temperature; /* 0: the likeliest token, always */
	uint32_t top_k;    /* 0: all */
	float top_p;       /* 0 or 1: all */
	float min_p;       /* 0: all */
	float
	    repeat_penalty; /* 0 or 1: none; else logits are divided by it, or multiplied below 0 */
	uint32_t repeat_window; /* tokens, of the prompt too; 0: 64 */
	uint64_t seed;
};

/* A token that was written, and the text that is certain now: whole characters, without what may
 * turn out to be a stop text.  At the end comes what was held back, with MW_LM_NO_TOKEN. */
struct mw_lm_piece {
	uint32_t token;
	float log_prob;   /* natural log, by the model, among the tokens that the schema admits */
	const char *text; /* not NUL-terminated; lent during the call */
	size_t size;
};

struct mw_lm_writer_options {
	struct mw_lm_sampling sampling;
	const struct mw_lm_schema *schema; /* NULL: free text.  Must outlive the writer */
	const uint32_t *stop_tokens; /* besides mw_lm_token_ends; they are not part of the text */
	size_t n_stop_tokens;
	const char *const *stop_texts; /* neither are these */
	size_t n_stop_texts;
	bool strip_blank;   /* a blank at the beginning is not part of the text */
	size_t mask_memory; /* bytes to remember what the schema admits; 0: 4 MiB */
	/* Called for every piece; false ends the answer.  May be NULL. */
	bool (*on_piece)(void *context, const struct mw_lm_piece *piece);
	void *context;
};

#define MW_LM_MAX_STOPS     64u
#define MW_LM_MAX_STOP_TEXT 256u /* bytes */

/* Writes answers; one thread at a time. */
struct mw_lm_writer;

/* Everything that writing needs is allocated here; borrows the options, the schema excepted.
 * Errors: UNSUPPORTED (no tokenizer), ARGUMENT (a number out of range, a schema of another model),
 * MEMORY.  Returns owned: mw_lm_writer_free. */
MW_LM_API mw_lm_err mw_lm_writer_new(const struct mw_lm *model,
				     const struct mw_lm_writer_options *options,
				     struct mw_lm_writer **ret_writer) MW_LM_MUST_CHECK;
MW_LM_API void mw_lm_writer_free(struct mw_lm_writer *writer);

enum mw_lm_ended {
	MW_LM_ENDED_BY_TOKEN,  /* that ends an answer */
	MW_LM_ENDED_BY_TEXT,   /* a stop text */
	MW_LM_ENDED_BY_SCHEMA, /* the answer is whole */
	MW_LM_ENDED_BY_LENGTH, /* max_tokens, or the session is full */
	MW_LM_ENDED_BY_CALLER  /* on_piece */
};

struct mw_lm_answer {
	size_t n_tokens; /* an end token is counted */
	double log_prob; /* of all of them */
	enum mw_lm_ended ended;
};

/*
 * Reads n more tokens at the tail (0: none), then writes at most max_tokens.  Written tokens are
 * read, the last one excepted.  Under a schema the answer is whole whenever max_tokens and the
 * session have room for mw_lm_schema_shortest tokens.
 * Errors: STATE (nothing was read), FULL (no room for the tokens, or for the shortest answer of the
 * schema), ARGUMENT (a session of another model, no such token).
 */
MW_LM_API mw_lm_err mw_lm_write(struct mw_lm_writer *writer, struct mw_lm_session *session,
				const uint32_t *tokens, size_t n, size_t max_tokens,
				struct mw_lm_answer *ret_answer) MW_LM_MUST_CHECK;

/* --- conversations ---------------------------------------------------------------------------- */

enum mw_lm_role { MW_LM_SYSTEM, MW_LM_USER, MW_LM_ASSISTANT };

struct mw_lm_message {
	enum mw_lm_role role;
	const char *text;
};

#define MW_LM_MAX_MESSAGES 256u

/* The chat template of a file ("phi3", "llama2", "llama3", "chatml", "zephyr"), by the structure of
 * tokenizer.chat_template; NULL if there is none that is known: then *ret_why, which may be NULL,
 * says why.  Static storage. */
MW_LM_API const char *mw_lm_chat_template(const struct mw_lm *model, const char **ret_why);

/* The tokens of a conversation up to where the assistant's next answer begins.  What the messages
 * say stays text: a control token's name in them is no control token.  A system message, if there is
 * one, comes first; then user and assistant in turn, the user first and last.
 * chat: a template's name, or NULL for the file's.
 * Errors: UNSUPPORTED (no such template, or no tokenizer), ARGUMENT (the order of the messages, too
 * long), FULL (more than max tokens), MEMORY. */
MW_LM_API mw_lm_err mw_lm_chat_encode(const struct mw_lm *model, const char *chat,
				      const struct mw_lm_message *messages, size_t n,
				      uint32_t *ret_tokens, size_t max,
				      size_t *ret_n) MW_LM_MUST_CHECK;

/* --- files ------------------------------------------------------------------------------------ */

/* Writes a copy of a GGUF file whose matrices (both sides of 32 or more, width a multiple of 32),
 * of whatever known type, are Q8_0, with a check sum of its weights (key millwright.tensor_hash) that
 * is compared when the copy is opened.  The target appears whole or not at all. */
MW_LM_API mw_lm_err mw_lm_quantize(const char *source, const char *target, char *why,
				   size_t why_size) MW_LM_MUST_CHECK;

#endif
