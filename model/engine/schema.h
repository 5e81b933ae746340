/*
 * schema.h -- a JSON Schema as an automaton of bytes over a model's vocabulary.
 */
#ifndef MW_LM_SCHEMA_H
#define MW_LM_SCHEMA_H

#include "model/engine/json.h"
#include "model/engine/mask.h"

struct mw_lm_schema {
	const struct mw_lm *model;
	struct lm_arena arena; /* of the vocabulary */
	struct lm_vocabulary vocabulary;
	struct lm_automaton automaton;
};

/* A schema on its way. */
struct lm_builder {
	struct lm_automaton *automaton;
	const struct lm_vocabulary *vocabulary;
	struct lm_arena arena;
	const struct lm_why *why;
	const char *path[LM_JSON_MAX_DEPTH]; /* which part of the schema is at hand */
	unsigned int depth;
	bool no_digits;
	bool has_char; /* some character may stand in a string */
};

/* Says what is wrong, and where. */
mw_lm_err lm_builder_complain(const struct lm_builder *builder, mw_lm_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* schema_parts.c.  Each makes the nodes of a value that `next` follows, and gives the first. */

mw_lm_err lm_build_node(const struct lm_builder *builder, uint32_t *ret_node);
mw_lm_err lm_build_edge(const struct lm_builder *builder, uint32_t node, uint8_t low, uint8_t high,
			uint32_t next);
/* One more text that may stand at start. */
mw_lm_err lm_build_text(const struct lm_builder *builder, uint32_t start, const char *text,
			size_t size, uint32_t next);
/* The same of a value, as JSON. */
mw_lm_err lm_build_literal(struct lm_builder *builder, uint32_t start, const struct lm_json *value,
			   uint32_t next);
mw_lm_err lm_build_string(const struct lm_builder *builder, const struct lm_json *schema,
			  uint32_t next, uint32_t *ret_start);
mw_lm_err lm_build_number(struct lm_builder *builder, const struct lm_json *schema, bool whole,
			  uint32_t next, uint32_t *ret_start);
/* A bound that is a whole number not below 0, or the fallback. */
mw_lm_err lm_build_bound(const struct lm_builder *builder, const struct lm_json *schema,
			 const char *key, uint32_t fallback, uint32_t *ret_bound);

#endif
