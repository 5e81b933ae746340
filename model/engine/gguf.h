/*
 * gguf.h -- a checked view of a GGUF file in memory.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little
 * endian. Nothing in the bytes is trusted: after gguf_parse every pointer and size in struct gguf
 * lies inside the given memory, strings hold no NUL, keys and names are unique, tensors do not
 * overlap. The view borrows the bytes; they must outlive it.
 */
#ifndef MW_LM_GGUF_H
#define MW_LM_GGUF_H

#include "model/engine/why.h"

#define GGUF_MAX_KEYS    4096u
#define GGUF_MAX_TENSORS 16384u
#define GGUF_MAX_NAME    255u
#define GGUF_MAX_DIMS    4u

enum gguf_type {
	GGUF_U8,
	GGUF_I8,
	GGUF_U16,
	GGUF_I16,
	GGUF_U32,
	GGUF_I32,
	GGUF_F32,
	GGUF_BOOL,
	GGUF_STRING,
	GGUF_ARRAY,
	GGUF_U64,
	GGUF_I64,
	GGUF_F64,
	GGUF_N_TYPES
};

enum gguf_weight {
	GGUF_W_F32 = 0,
	GGUF_W_F16 = 1,
	GGUF_W_Q4_0 = 2,
	GGUF_W_Q8_0 = 8,
	GGUF_W_Q4_K = 12,
	GGUF_W_Q5_K = 13,
	GGUF_W_Q6_K = 14,
	GGUF_W_BF16 = 30
};

#define GGUF_Q8_BLOCK 32u /* values of a Q8_0 block */
#define GGUF_Q8_BYTES 34u /* half-precision scale, then 32 int8 */

struct gguf_string {
	const char *text; /* not NUL-terminated */
	size_t size;
};

struct gguf_value {
	struct gguf_string key;
	enum gguf_type type; /* of the value, or of the elements of an array */
	bool is_array;
	uint64_t n;          /* elements; 1 for a scalar */
	const uint8_t *data; /* first element */
	const uint8_t *end;  /* past the last */
};

struct gguf_tensor {
	struct gguf_string name;
	uint32_t n_dims;
	uint64_t dim[GGUF_MAX_DIMS]; /* dim[0] runs fastest; 1 past n_dims */
	uint32_t type;               /* enum gguf_weight, or one that the engine has no use for */
	uint64_t offset;             /* from data_start */
	const uint8_t *data;         /* NULL if the type is not known */
	uint64_t size;               /* bytes */
};

struct gguf {
	const uint8_t *data;
	size_t size;
	uint32_t version;
	uint64_t alignment;
	size_t data_start;
	struct gguf_value *values; /* in file order */
	size_t n_values;
	struct gguf_tensor *tensors; /* by name */
	size_t n_tensors;
};

/* Returns owned: gguf_done.  On failure ret_gguf is untouched. */
mw_lm_err gguf_parse(const void *data, size_t size, struct gguf *ret_gguf,
		     const struct lm_why *why);
void gguf_done(struct gguf *gguf);

/* NULL if absent.  Lent. */
const struct gguf_value *gguf_value_find(const struct gguf *gguf, const char *key);
const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name);

/* Element i of an integer (or boolean) value that is not negative; false if it is not one. */
bool gguf_value_uint(const struct gguf_value *value, uint64_t i, uint64_t *ret_number);

/* A scalar number as double; false if it is not one. */
bool gguf_value_double(const struct gguf_value *value, double *ret_number);

/* A scalar string; false if it is not one. */
bool gguf_value_string(const struct gguf_value *value, struct gguf_string *ret_string);

/* Walks an array of strings: *cursor starts at value->data. */
struct gguf_string gguf_string_next(const uint8_t **cursor);

/* Values of a block of a weight type; 1 if it has no blocks or is not known. */
uint32_t gguf_weight_block(uint32_t type);

/* Bytes of n values of a weight type, n a multiple of its block; 0 if the type is not known or n
 * does not fit. */
uint64_t gguf_weight_bytes(uint32_t type, uint64_t n);

/* "F32", "Q8_0" ...; "?" if not known. */
const char *gguf_weight_name(uint32_t type);

#endif
