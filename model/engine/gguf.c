#include "model/engine/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ALIGNMENT 65536u

/* What is still unread.  A read past the end sets failed and gives zeros. */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static size_t reader_left(const struct reader *in)
{
	return (size_t)(in->end - in->at);
}

static const uint8_t *reader_take(struct reader *in, uint64_t n)
{
	const uint8_t *at = in->at;

	if (in->failed || n > reader_left(in)) {
		in->failed = true;
		return NULL;
	}
	in->at += n;
	return at;
}

static uint64_t load_le(const uint8_t *bytes, size_t n)
{
	uint64_t value = 0;

	for (size_t i = n; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

static uint64_t reader_uint(struct reader *in, size_t n)
{
	const uint8_t *bytes = reader_take(in, n);

	return bytes ? load_le(bytes, n) : 0;
}

static struct gguf_string reader_string(struct reader *in)
{
	uint64_t size = reader_uint(in, 8);
	const uint8_t *bytes = reader_take(in, size);

	if (!bytes || memchr(bytes, 0, (size_t)size)) {
		in->failed = true;
		return (struct gguf_string){"", 0};
	}
	return (struct gguf_string){(const char *)bytes, (size_t)size};
}

static size_t type_size(enum gguf_type type)
{
	static const uint8_t sizes[GGUF_N_TYPES] = {
	    [GGUF_U8] = 1,   [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
	    [GGUF_U32] = 4,  [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_U64] = 8,
	    [GGUF_BOOL] = 1, [GGUF_I64] = 8, [GGUF_F64] = 8};

	return sizes[type];
}

/* Moves past the elements of a value and checks that they are there. */
static void skip_elements(struct reader *in, const struct gguf_value *value)
{
	size_t size = type_size(value->type);

	if (value->type == GGUF_STRING) {
		/* a string takes 8 bytes or more: a count that cannot fit is refused at once */
		if (value->n > reader_left(in) / 8)
			in->failed = true;
		for (uint64_t i = 0; i < value->n && !in->failed; i++)
			(void)reader_string(in);
		return;
	}
	if (value->n > reader_left(in) / size)
		in->failed = true;
	else
		(void)reader_take(in, value->n * size);
}

static mw_lm_err parse_value(struct reader *in, struct gguf_value *value, const struct lm_why *why)
{
	uint64_t type;

	value->key = reader_string(in);
	type = reader_uint(in, 4);
	value->n = 1;
	value->is_array = type == GGUF_ARRAY;
	if (value->is_array) {
		type = reader_uint(in, 4);
		value->n = reader_uint(in, 8);
	}
	if (in->failed)
		return lm_why(why, MW_LM_E_FORMAT, "the metadata is cut short");
	if (value->key.size == 0 || value->key.size > GGUF_MAX_NAME)
		return lm_why(why, MW_LM_E_FORMAT, "a metadata key of %zu bytes", value->key.size);
	if (type >= GGUF_N_TYPES || type == GGUF_ARRAY)
		return lm_why(why, MW_LM_E_FORMAT, "key %.*s: type %llu is not known",
			      (int)value->key.size, value->key.text, (unsigned long long)type);
	value->type = (enum gguf_type)type;
	value->data = in->at;
	skip_elements(in, value);
	value->end = in->at;
	if (in->failed)
		return lm_why(why, MW_LM_E_FORMAT,
			      "key %.*s: the value is cut short or a string holds NUL",
			      (int)value->key.size, value->key.text);
	return MW_LM_E_OK;
}

static int string_compare(struct gguf_string a, struct gguf_string b)
{
	int order = memcmp(a.text, b.text, a.size < b.size ? a.size : b.size);

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_string(const void *a, const void *b)
{
	return string_compare(*(const struct gguf_string *)a, *(const struct gguf_string *)b);
}

static mw_lm_err no_memory(const struct lm_why *why)
{
	return lm_why(why, MW_LM_E_MEMORY, "no memory for the lists of the file");
}

static mw_lm_err check_unique_keys(const struct gguf *gguf, const struct lm_why *why)
{
	struct gguf_string *keys = calloc(gguf->n_values + 1, sizeof(*keys));
	mw_lm_err err = MW_LM_E_OK;

	if (!keys)
		return no_memory(why);
	for (size_t i = 0; i < gguf->n_values; i++)
		keys[i] = gguf->values[i].key;
	qsort(keys, gguf->n_values, sizeof(*keys), by_string);
	for (size_t i = 1; i < gguf->n_values && !err; i++)
		if (string_compare(keys[i - 1], keys[i]) == 0)
			err = lm_why(why, MW_LM_E_FORMAT, "key %.*s is there twice",
				     (int)keys[i].size, keys[i].text);
	free(keys);
	return err;
}

static mw_lm_err parse_values(struct reader *in, struct gguf *gguf, const struct lm_why *why)
{
	mw_lm_err err = MW_LM_E_OK;

	gguf->values = calloc(gguf->n_values + 1, sizeof(*gguf->values));
	if (!gguf->values)
		return no_memory(why);
	for (size_t i = 0; i < gguf->n_values && !err; i++)
		err = parse_value(in, &gguf->values[i], why);
	return err ? err : check_unique_keys(gguf, why);
}

/* Elements of a tensor, false if the product does not fit 64 bits or is 0. */
static bool tensor_elements(const struct gguf_tensor *tensor, uint64_t *ret_n)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < tensor->n_dims; i++)
		if (__builtin_mul_overflow(n, tensor->dim[i], &n))
			return false;
	*ret_n = n;
	return n > 0;
}

static mw_lm_err parse_tensor(struct reader *in, struct gguf_tensor *tensor,
			      const struct lm_why *why)
{
	uint64_t n;

	tensor->name = reader_string(in);
	tensor->n_dims = (uint32_t)reader_uint(in, 4);
	for (uint32_t i = 0; i < GGUF_MAX_DIMS; i++)
		tensor->dim[i] = i < tensor->n_dims ? reader_uint(in, 8) : 1;
	tensor->type = (uint32_t)reader_uint(in, 4);
	tensor->offset = reader_uint(in, 8);
	if (in->failed)
		return lm_why(why, MW_LM_E_FORMAT, "the list of tensors is cut short");
	if (tensor->name.size == 0 || tensor->name.size > GGUF_MAX_NAME)
		return lm_why(why, MW_LM_E_FORMAT, "a tensor name of %zu bytes", tensor->name.size);
	if (tensor->n_dims > GGUF_MAX_DIMS || !tensor_elements(tensor, &n))
		return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s: the shape is impossible",
			      (int)tensor->name.size, tensor->name.text);
	tensor->size = gguf_weight_bytes(tensor->type, n);
	if (tensor->dim[0] % gguf_weight_block(tensor->type))
		return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s: rows are no whole blocks",
			      (int)tensor->name.size, tensor->name.text);
	return MW_LM_E_OK;
}

static mw_lm_err place_tensor(const struct gguf *gguf, struct gguf_tensor *tensor,
			      const struct lm_why *why)
{
	uint64_t room = gguf->size - gguf->data_start;

	if (tensor->offset % gguf->alignment)
		return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s: the offset %llu is not aligned",
			      (int)tensor->name.size, tensor->name.text,
			      (unsigned long long)tensor->offset);
	if (tensor->offset > room || tensor->size > room - tensor->offset)
		return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s: lies outside the file",
			      (int)tensor->name.size, tensor->name.text);
	tensor->data = tensor->size ? gguf->data + gguf->data_start + tensor->offset : NULL;
	return MW_LM_E_OK;
}

static int by_offset(const void *a, const void *b)
{
	const struct gguf_tensor *left = a, *right = b;

	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return string_compare(left->name, right->name);
}

static int by_name(const void *a, const void *b)
{
	return string_compare(((const struct gguf_tensor *)a)->name,
			      ((const struct gguf_tensor *)b)->name);
}

/* Leaves the tensors sorted by name. */
static mw_lm_err check_tensors(struct gguf *gguf, const struct lm_why *why)
{
	struct gguf_tensor *list = gguf->tensors;

	qsort(list, gguf->n_tensors, sizeof(*list), by_offset);
	for (size_t i = 1; i < gguf->n_tensors; i++)
		if (list[i].offset - list[i - 1].offset < list[i - 1].size)
			return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s overlaps another",
				      (int)list[i].name.size, list[i].name.text);
	qsort(list, gguf->n_tensors, sizeof(*list), by_name);
	for (size_t i = 1; i < gguf->n_tensors; i++)
		if (string_compare(list[i - 1].name, list[i].name) == 0)
			return lm_why(why, MW_LM_E_FORMAT, "tensor %.*s is there twice",
				      (int)list[i].name.size, list[i].name.text);
	return MW_LM_E_OK;
}

static mw_lm_err find_data_start(const struct reader *in, struct gguf *gguf,
				 const struct lm_why *why)
{
	const struct gguf_value *value = gguf_value_find(gguf, "general.alignment");
	size_t at = (size_t)(in->at - gguf->data);

	gguf->alignment = 32;
	if (value &&
	    (!gguf_value_uint(value, 0, &gguf->alignment) || gguf->alignment < 8 ||
	     gguf->alignment > MAX_ALIGNMENT || (gguf->alignment & (gguf->alignment - 1)) != 0))
		return lm_why(why, MW_LM_E_FORMAT,
			      "key general.alignment: not a power of two from 8 to %u",
			      MAX_ALIGNMENT);
	at = (at + gguf->alignment - 1) & ~((size_t)gguf->alignment - 1);
	gguf->data_start = at < gguf->size ? at : gguf->size;
	return MW_LM_E_OK;
}

static mw_lm_err parse_tensors(struct reader *in, struct gguf *gguf, const struct lm_why *why)
{
	mw_lm_err err = MW_LM_E_OK;

	gguf->tensors = calloc(gguf->n_tensors + 1, sizeof(*gguf->tensors));
	if (!gguf->tensors)
		return no_memory(why);
	for (size_t i = 0; i < gguf->n_tensors && !err; i++)
		err = parse_tensor(in, &gguf->tensors[i], why);
	if (!err)
		err = find_data_start(in, gguf, why);
	for (size_t i = 0; i < gguf->n_tensors && !err; i++)
		err = place_tensor(gguf, &gguf->tensors[i], why);
	return err ? err : check_tensors(gguf, why);
}

static mw_lm_err parse_head(struct reader *in, struct gguf *gguf, const struct lm_why *why)
{
	uint64_t n_tensors, n_values;
	const uint8_t *magic = reader_take(in, 4);

	if (!magic || memcmp(magic, "GGUF", 4) != 0)
		return lm_why(why, MW_LM_E_FORMAT, "not a GGUF file");
	gguf->version = (uint32_t)reader_uint(in, 4);
	if (gguf->version == 0x02000000u || gguf->version == 0x03000000u)
		return lm_why(why, MW_LM_E_UNSUPPORTED, "a big-endian GGUF file");
	if (gguf->version != 2 && gguf->version != 3)
		return lm_why(why, MW_LM_E_UNSUPPORTED, "GGUF version %u", gguf->version);
	n_tensors = reader_uint(in, 8);
	n_values = reader_uint(in, 8);
	if (in->failed || n_tensors > GGUF_MAX_TENSORS || n_values > GGUF_MAX_KEYS)
		return lm_why(why, MW_LM_E_FORMAT, "%llu tensors and %llu keys are too many",
			      (unsigned long long)n_tensors, (unsigned long long)n_values);
	gguf->n_tensors = (size_t)n_tensors;
	gguf->n_values = (size_t)n_values;
	return MW_LM_E_OK;
}

mw_lm_err gguf_parse(const void *data, size_t size, struct gguf *ret_gguf, const struct lm_why *why)
{
	struct gguf gguf = {.data = data, .size = size};
	struct reader in = {gguf.data, gguf.data + size, false};
	mw_lm_err err = parse_head(&in, &gguf, why);

	if (!err)
		err = parse_values(&in, &gguf, why);
	if (!err)
		err = parse_tensors(&in, &gguf, why);
	if (err) {
		gguf_done(&gguf);
		return err;
	}
	*ret_gguf = gguf;
	return MW_LM_E_OK;
}

void gguf_done(struct gguf *gguf)
{
	free(gguf->values);
	free(gguf->tensors);
	gguf->values = NULL;
	gguf->tensors = NULL;
}

const struct gguf_value *gguf_value_find(const struct gguf *gguf, const char *key)
{
	struct gguf_string wanted = {key, strlen(key)};

	for (size_t i = 0; i < gguf->n_values; i++)
		if (string_compare(gguf->values[i].key, wanted) == 0)
			return &gguf->values[i];
	return NULL;
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *gguf, const char *name)
{
	struct gguf_tensor wanted = {.name = {name, strlen(name)}};

	return bsearch(&wanted, gguf->tensors, gguf->n_tensors, sizeof(wanted), by_name);
}

bool gguf_value_uint(const struct gguf_value *value, uint64_t i, uint64_t *ret_number)
{
	size_t size = type_size(value->type);
	uint64_t number;

	if (i >= value->n || size == 0 || value->type == GGUF_F32 || value->type == GGUF_F64)
		return false;
	number = load_le(value->data + i * size, size);
	if ((value->type == GGUF_I8 || value->type == GGUF_I16 || value->type == GGUF_I32 ||
	     value->type == GGUF_I64) &&
	    number >> (8 * size - 1))
		return false;
	if (value->type == GGUF_BOOL && number > 1)
		return false;
	*ret_number = number;
	return true;
}

bool gguf_value_double(const struct gguf_value *value, double *ret_number)
{
	uint64_t number;
	float narrow;

	if (value->is_array)
		return false;
	if (value->type == GGUF_F32) {
		memcpy(&narrow, value->data, sizeof(narrow));
		*ret_number = (double)narrow;
	} else if (value->type == GGUF_F64) {
		memcpy(ret_number, value->data, sizeof(*ret_number));
	} else if (gguf_value_uint(value, 0, &number)) {
		*ret_number = (double)number;
	} else if (type_size(value->type) && value->type != GGUF_BOOL) {
		/* a negative whole number: extend its sign */
		unsigned int spare = 64 - 8 * (unsigned int)type_size(value->type);

		number = load_le(value->data, type_size(value->type)) << spare;
		*ret_number = (double)((int64_t)number / ((int64_t)1 << spare));
	} else {
		return false;
	}
	return true;
}

bool gguf_value_string(const struct gguf_value *value, struct gguf_string *ret_string)
{
	const uint8_t *cursor = value->data;

	if (value->is_array || value->type != GGUF_STRING)
		return false;
	*ret_string = gguf_string_next(&cursor);
	return true;
}

struct gguf_string gguf_string_next(const uint8_t **cursor)
{
	struct gguf_string string = {(const char *)*cursor + 8, (size_t)load_le(*cursor, 8)};

	*cursor += 8 + string.size;
	return string;
}

static const struct {
	uint32_t type;
	const char *name;
	uint32_t values, bytes; /* of a block */
} weights[] = {
    {GGUF_W_F32, "F32", 1, 4},
    {GGUF_W_F16, "F16", 1, 2},
    {GGUF_W_BF16, "BF16", 1, 2},
    {GGUF_W_Q4_0, "Q4_0", 32, 18},
    {GGUF_W_Q8_0, "Q8_0", GGUF_Q8_BLOCK, GGUF_Q8_BYTES},
    {GGUF_W_Q4_K, "Q4_K", 256, 144},
    {GGUF_W_Q5_K, "Q5_K", 256, 176},
    {GGUF_W_Q6_K, "Q6_K", 256, 210},
};

#define N_WEIGHTS (sizeof(weights) / sizeof(weights[0]))

uint32_t gguf_weight_block(uint32_t type)
{
	for (size_t i = 0; i < N_WEIGHTS; i++)
		if (weights[i].type == type)
			return weights[i].values;
	return 1;
}

uint64_t gguf_weight_bytes(uint32_t type, uint64_t n)
{
	if (n > UINT64_MAX / 8)
		return 0;
	for (size_t i = 0; i < N_WEIGHTS; i++)
		if (weights[i].type == type)
			return n % weights[i].values ? 0 : n / weights[i].values * weights[i].bytes;
	return 0;
}

const char *gguf_weight_name(uint32_t type)
{
	for (size_t i = 0; i < N_WEIGHTS; i++)
		if (weights[i].type == type)
			return weights[i].name;
	return "?";
}
