/*
 * json.h -- a JSON text (RFC 8259) as a tree: schemas are written in it.
 *
 * Strict: no comments, no trailing commas, UTF-8, no key twice in an object.
 */
#ifndef MW_LM_JSON_H
#define MW_LM_JSON_H

#include "model/engine/arena.h"
#include "model/engine/why.h"

#define LM_JSON_MAX_SIZE  (1u << 20) /* bytes */
#define LM_JSON_MAX_DEPTH 64u

enum lm_json_type {
	LM_JSON_NULL,
	LM_JSON_BOOL,
	LM_JSON_NUMBER,
	LM_JSON_STRING,
	LM_JSON_ARRAY,
	LM_JSON_OBJECT
};

struct lm_json {
	enum lm_json_type type;
	bool truth;       /* of a BOOL */
	const char *text; /* of a STRING, decoded; of a NUMBER, as it was written */
	size_t size;
	const char *key; /* of a member, decoded */
	size_t key_size;
	struct lm_json *first, *next; /* members or elements */
	size_t n;
};

/* The tree lives in the arena.  Errors: FORMAT (the line is named), MEMORY. */
mw_lm_err lm_json_parse(struct lm_arena *arena, const char *text, size_t size,
			struct lm_json **ret_json, const struct lm_why *why);

/* A member of an object; NULL if there is none. */
const struct lm_json *lm_json_find(const struct lm_json *object, const char *key);

/* Whether a value is this string. */
bool lm_json_is(const struct lm_json *value, const char *text);

/* A whole number; false if it is not one that fits. */
bool lm_json_whole(const struct lm_json *value, int64_t *ret_number);

/* The shortest text of a value, without blanks; at most max bytes are written, and the length is
 * returned. */
size_t lm_json_write(const struct lm_json *value, char *text, size_t max);

/* The same of a string. */
size_t lm_json_write_string(const char *string, size_t size, char *text, size_t max);

#endif
