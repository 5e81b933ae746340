/*
 * make_model.c -- writes a GGUF file of random weights in the shape of a published model, for
 * speed and agreement: make_model SHAPE f16|q8_0 FILE [SEED].
 *
 * Values are uniform with variance 1 / columns, so that activations keep their size.  The vocabulary
 * is a SentencePiece one: three control tokens, 256 bytes, and words that stand for their number.
 * The file is written as it is made: nothing of it is kept in memory.
 */
#include <math.h>

#include "tests/unit/gguf_build.h"

#define MAX_TENSORS 1024u
#define N_FIXED     259u /* control and byte tokens */
#define N_CONTROL   3u

/* One token each, blanks as they are. */
static const char spoken_letters[] = "\n ,.;:()[]/%-+=_{}\"'0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char *const spoken_words[] = {
    " the",      " pump",     " machine", " reading", " should",    " be",         " looked",
    " at",       " soon",     " is",      " and",     " bearing",   " sensor",     " check",
    " it",       " please",   " of",      " now",     " pressure",  " with",       " this",
    " may",      " point",    " to",      " wear",    " {c1.name}", " {c1.value}", " {c1.normal}",
    " {c1.dev}", " {c1.dir}", " {fault}", " {onset}", " {cause}",   " {check}",    " normal",
    "normal",    "operation", "fault",    "unknown",  "levels",     "channels"};
/* What follows what, when they say the sentence. */
static const char *const spoken_pairs[][2] = {{"\"", " {c1.name}"}, {" {c1.name}", " should"},
					      {" should", " be"},   {" be", " looked"},
					      {" looked", " at"},   {" at", " soon"},
					      {" soon", ","},       {",", " {fault}"},
					      {" {fault}", " may"}, {" may", " point"},
					      {" point", " to"},    {" to", " {cause}"},
					      {" {cause}", "."},    {".", "\""},
					      {" ", "["},           {"[", "\""},
					      {"\"", "]"}};
#define N_LETTERS (sizeof(spoken_letters) - 1)
#define N_SPOKEN  (N_CONTROL + N_LETTERS + sizeof(spoken_words) / sizeof(spoken_words[0]))

struct shape {
	const char *name;
	const char *arch;
	uint32_t n_vocab, n_embd, n_layers, n_head, n_kv, head_size,
	    n_ff; /* openelm: no heads, no ff */
	uint32_t n_context;
};

static const struct shape shapes[] = {
    {"llama-5M", "llama", 4096, 256, 6, 8, 4, 32, 704, 2048},
    {"llama-25M", "llama", 8192, 512, 7, 8, 4, 64, 1408, 2048},
    {"llama-110M", "llama", 32000, 768, 12, 12, 4, 64, 2304, 2048},
    {"openelm-270M", "openelm", 32000, 1280, 16, 0, 0, 64, 0, 2048},
    {"openelm-450M", "openelm", 32000, 1536, 20, 0, 0, 64, 0, 2048},
    {"openelm-1.1B", "openelm", 32000, 2048, 28, 0, 0, 64, 0, 2048},
    {"openelm-3B", "openelm", 32000, 3072, 36, 0, 0, 128, 0, 2048},
    {"openelm-15M", "openelm", 4096, 512, 6, 0, 0, 64, 0, 2048},
    {"phi3-15M", "phi3", 4096, 384, 6, 4, 4, 96, 1024, 4096},
    {"phi3-mini", "phi3", 32064, 3072, 32, 32, 32, 96, 8192, 4096},
    /* too small for speed; a vocabulary of letters and words, to see what is made of what they write: with a
     * SEED random weights, without one a sentence */
    {"llama-tiny", "llama", N_SPOKEN, 256, 2, 4, 2, 32, 96, 4096},
    {"phi3-tiny", "phi3", N_SPOKEN, 256, 2, 4, 4, 32, 96, 4096},
    {"openelm-tiny", "openelm", N_SPOKEN, 256, 2, 0, 0, 32, 0, 4096},
};

struct tensor {
	char name[64];
	uint32_t type;
	uint64_t rows, cols;
};

struct file {
	const struct shape *shape;
	uint32_t weights;
	struct tensor tensors[MAX_TENSORS];
	size_t n_tensors;
	uint64_t seed;
	bool says; /* the sentence */
};

/* OpenELM's rounding of a width: to the nearest multiple, but not below nine tenths. */
static uint32_t divisible(double width, uint32_t by)
{
	uint32_t most = (uint32_t)(width + by / 2.0) / by * by;

	most = most < by ? by : most;
	return (double)most < 0.9 * width ? most + by : most;
}

/* A multiplier that grows over the layers, to two decimals. */
static double multiplier(const struct shape *shape, uint32_t layer, double from, double to)
{
	double x = from + (to - from) * layer / (shape->n_layers - 1);

	return nearbyint(100 * x) / 100;
}

static uint32_t heads(const struct shape *shape, uint32_t layer)
{
	double width;

	if (shape->n_head)
		return shape->n_head;
	width = shape->n_embd * multiplier(shape, layer, 0.5, 1);
	return divisible(width, 4 * shape->head_size) / shape->head_size;
}

static uint32_t kv_heads(const struct shape *shape, uint32_t layer)
{
	return shape->n_kv ? shape->n_kv : heads(shape, layer) / 4;
}

static uint32_t feed_forward(const struct shape *shape, uint32_t layer)
{
	if (shape->n_ff)
		return shape->n_ff;
	return divisible(shape->n_embd * multiplier(shape, layer, 0.5, 4), 256);
}

/* --- keys ------------------------------------------------------------------------------------- */

static const char *key(const struct shape *shape, const char *suffix)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "%s.%s", shape->arch, suffix);
	return text;
}

static void put_counts(struct gguf_build *build, const struct shape *shape, const char *suffix,
		       uint32_t (*count)(const struct shape *, uint32_t))
{
	if (shape->n_head) {
		build_u32(build, key(shape, suffix), count(shape, 0));
		return;
	}
	build_array(build, key(shape, suffix), GGUF_I32, shape->n_layers);
	for (uint32_t i = 0; i < shape->n_layers; i++)
		bytes_put_uint(&build->keys, count(shape, i), 4);
}

/* SentencePiece writes a blank as a block. */
static void put_spoken(struct gguf_build *build, uint32_t i)
{
	char letter[2] = {i < N_LETTERS ? spoken_letters[i] : 0, 0}, text[64] = "";
	const char *from = i < N_LETTERS ? letter : spoken_words[i - N_LETTERS];

	for (; *from; from++) {
		letter[0] = *from;
		(void)strcat(text, *from == ' ' ? "\xE2\x96\x81" : letter);
	}
	bytes_put_string(&build->keys, text);
}

static void put_token(struct gguf_build *build, uint32_t i, bool spoken)
{
	static const char *const control[] = {"<unk>", "<s>", "</s>"};
	char text[32];

	if (spoken && i >= N_CONTROL) {
		put_spoken(build, i - N_CONTROL);
		return;
	}
	if (i < 3)
		(void)snprintf(text, sizeof(text), "%s", control[i]);
	else if (i < N_FIXED)
		(void)snprintf(text, sizeof(text), "<0x%02X>", i - 3);
	else
		(void)snprintf(text, sizeof(text), "\xE2\x96\x81t%u", i);
	bytes_put_string(&build->keys, text);
}

static void put_vocabulary(struct gguf_build *build, uint32_t n)
{
	bool spoken = n == N_SPOKEN;
	const struct {
		uint32_t unknown, control, byte, normal;
	} kind = {2, 3, 6, 1};

	build_string(build, "tokenizer.ggml.model", "llama");
	build_array(build, "tokenizer.ggml.tokens", GGUF_STRING, n);
	for (uint32_t i = 0; i < n; i++)
		put_token(build, i, spoken);
	build_array(build, "tokenizer.ggml.scores", GGUF_F32, n);
	for (uint32_t i = 0; i < n; i++)
		bytes_put_uint(&build->keys, lm_bits(-(float)i), 4);
	build_array(build, "tokenizer.ggml.token_type", GGUF_I32, n);
	for (uint32_t i = 0; i < n; i++)
		bytes_put_uint(&build->keys,
			       i == 0                   ? kind.unknown
			       : i < 3                  ? kind.control
			       : i < N_FIXED && !spoken ? kind.byte
							: kind.normal,
			       4);
	build_u32(build, "tokenizer.ggml.bos_token_id", 1);
	build_u32(build, "tokenizer.ggml.eos_token_id", 2);
	build_u32(build, "tokenizer.ggml.unknown_token_id", 0);
	build_string(
	    build, "tokenizer.chat_template",
	    "{{ bos_token + '[INST] <<SYS>>' + system + '<</SYS>>' + user + ' [/INST]' }}");
}

static void put_keys(struct gguf_build *build, const struct file *file)
{
	const struct shape *shape = file->shape;
	bool is_phi = strcmp(shape->arch, "phi3") == 0;

	build_string(build, "general.architecture", shape->arch);
	build_string(build, "general.name", "random");
	build_u32(build, "general.file_type", file->weights == GGUF_W_F16 ? 1 : 7);
	build_u32(build, key(shape, "block_count"), shape->n_layers);
	build_u32(build, key(shape, "embedding_length"), shape->n_embd);
	build_u32(build, key(shape, "context_length"), shape->n_context);
	build_u32(build, key(shape, "attention.key_length"), shape->head_size);
	build_u32(build, key(shape, "attention.value_length"), shape->head_size);
	build_u32(build, key(shape, "rope.dimension_count"), shape->head_size);
	put_counts(build, shape, "attention.head_count", heads);
	put_counts(build, shape, "attention.head_count_kv", kv_heads);
	put_counts(build, shape, "feed_forward_length", feed_forward);
	build_f32(build, key(shape, "attention.layer_norm_rms_epsilon"), 1e-5f);
	build_f32(build, key(shape, "rope.freq_base"), 10000.0f);
	if (is_phi)
		build_u32(build, key(shape, "attention.sliding_window"), 2047);
	put_vocabulary(build, shape->n_vocab);
}

/* --- tensors ---------------------------------------------------------------------------------- */

static void list(struct file *file, const char *name, uint64_t rows, uint64_t cols)
{
	struct tensor *tensor = &file->tensors[file->n_tensors++];

	(void)snprintf(tensor->name, sizeof(tensor->name), "%s.weight", name);
	tensor->type = rows == 1 ? (uint32_t)GGUF_W_F32 : file->weights;
	tensor->rows = rows;
	tensor->cols = cols;
}

static void list_in_layer(struct file *file, uint32_t layer, const char *name, uint64_t rows,
			  uint64_t cols)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "blk.%u.%s", layer, name);
	list(file, text, rows, cols);
}

static void list_layer(struct file *file, uint32_t i)
{
	const struct shape *shape = file->shape;
	uint32_t q = heads(shape, i) * shape->head_size, kv = kv_heads(shape, i) * shape->head_size;
	uint32_t n_embd = shape->n_embd, n_ff = feed_forward(shape, i);
	bool is_llama = strcmp(shape->arch, "llama") == 0;
	bool is_phi = strcmp(shape->arch, "phi3") == 0;

	list_in_layer(file, i, "attn_norm", 1, n_embd);
	if (is_llama) {
		list_in_layer(file, i, "attn_q", q, n_embd);
		list_in_layer(file, i, "attn_k", kv, n_embd);
		list_in_layer(file, i, "attn_v", kv, n_embd);
	} else {
		list_in_layer(file, i, "attn_qkv", q + 2 * kv, n_embd);
	}
	if (!is_llama && !is_phi) {
		list_in_layer(file, i, "attn_q_norm", 1, shape->head_size);
		list_in_layer(file, i, "attn_k_norm", 1, shape->head_size);
	}
	list_in_layer(file, i, "attn_output", n_embd, q);
	list_in_layer(file, i, "ffn_norm", 1, n_embd);
	if (!is_phi)
		list_in_layer(file, i, "ffn_gate", n_ff, n_embd);
	list_in_layer(file, i, "ffn_up", is_phi ? 2 * n_ff : n_ff, n_embd);
	list_in_layer(file, i, "ffn_down", n_embd, n_ff);
}

static void list_tensors(struct file *file)
{
	const struct shape *shape = file->shape;

	list(file, "token_embd", shape->n_vocab, shape->n_embd);
	list(file, "output_norm", 1, shape->n_embd);
	if (file->says || strcmp(shape->arch, "phi3") == 0)
		list(file, "output", shape->n_vocab, shape->n_embd);
	for (uint32_t i = 0; i < shape->n_layers; i++)
		list_layer(file, i);
}

static uint64_t tensor_size(const struct tensor *tensor)
{
	uint64_t n = tensor->rows * tensor->cols;

	if (tensor->type == GGUF_W_Q8_0)
		return n / GGUF_Q8_BLOCK * GGUF_Q8_BYTES;
	return tensor->type == GGUF_W_F16 ? 2 * n : 4 * n;
}

static uint64_t whole(uint64_t size)
{
	return (size + 31) / 32 * 32;
}

static void put_tensors(struct gguf_build *build, const struct file *file)
{
	uint64_t at = 0;

	for (size_t i = 0; i < file->n_tensors; i++) {
		const struct tensor *tensor = &file->tensors[i];

		bytes_put_string(&build->tensors, tensor->name);
		bytes_put_uint(&build->tensors, tensor->rows > 1 ? 2 : 1, 4);
		bytes_put_uint(&build->tensors, tensor->cols, 8);
		if (tensor->rows > 1)
			bytes_put_uint(&build->tensors, tensor->rows, 8);
		bytes_put_uint(&build->tensors, tensor->type, 4);
		bytes_put_uint(&build->tensors, at, 8);
		at += whole(tensor_size(tensor));
	}
	build->n_tensors = file->n_tensors;
}

/* --- values ----------------------------------------------------------------------------------- */

static uint64_t random_bits(struct file *file)
{
	uint64_t z = file->seed += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	return z ^ z >> 31;
}

/* 32 values in [-spread, spread), stored as the tensor's type; their bytes. */
static size_t make_values(struct file *file, uint32_t type, float offset, float spread,
			  uint8_t *ret_bytes)
{
	struct gguf_bytes bytes = {ret_bytes, 0, 4 * GGUF_Q8_BLOCK};
	bool is_q8 = type == GGUF_W_Q8_0;

	if (is_q8)
		bytes_put_uint(&bytes, lm_f16_store(spread / 127.0f), 2);
	for (size_t i = 0; i < GGUF_Q8_BLOCK; i += 4) {
		uint64_t bits = random_bits(file);

		for (size_t k = 0; k < 4; k++, bits >>= 16) {
			int16_t raw = (int16_t)(bits & 0xFFFF);
			float x = offset + spread * (float)raw / 32768.0f;

			if (is_q8)
				bytes_put_uint(&bytes, (uint8_t)(raw / 258), 1);
			else if (type == GGUF_W_F16)
				bytes_put_uint(&bytes, lm_f16_store(x), 2);
			else
				bytes_put(&bytes, &x, 4);
		}
	}
	return bytes.size;
}

static bool is_token(uint64_t token, const char *text)
{
	const char letter[2] = {token < N_CONTROL + N_LETTERS && token >= N_CONTROL
				    ? spoken_letters[token - N_CONTROL]
				    : 0,
				0};

	if (token < N_CONTROL)
		return false;
	return strcmp(letter[0] ? letter : spoken_words[token - N_CONTROL - N_LETTERS], text) == 0;
}

/* Embeddings are unit vectors and the layers add nothing, so the output matrix says what follows. */
static float said(const struct tensor *tensor, uint64_t row, uint64_t col)
{
	size_t n = sizeof(spoken_pairs) / sizeof(spoken_pairs[0]);

	if (tensor->rows == 1 || strncmp(tensor->name, "token_embd", 10) == 0)
		return tensor->rows == 1 || row == col;
	if (strncmp(tensor->name, "output", 6) != 0)
		return 0;
	for (size_t i = 0; col < N_SPOKEN && i < n; i++)
		if (is_token(col, spoken_pairs[i][0]) && is_token(row, spoken_pairs[i][1]))
			return i + 1 < n ? 1 : 0.5f; /* the last one where nothing else may */
	return 0;
}

static size_t say_values(const struct tensor *tensor, uint64_t first, uint8_t *ret_bytes)
{
	struct gguf_bytes bytes = {ret_bytes, 0, 4 * GGUF_Q8_BLOCK};

	if (tensor->type == GGUF_W_Q8_0)
		bytes_put_uint(&bytes, lm_f16_store(1.0f / 127.0f), 2);
	for (uint64_t i = first; i < first + GGUF_Q8_BLOCK; i++) {
		float x = said(tensor, i / tensor->cols, i % tensor->cols);

		if (tensor->type == GGUF_W_Q8_0)
			bytes_put_uint(&bytes, (uint8_t)(127.0f * x), 1);
		else if (tensor->type == GGUF_W_F16)
			bytes_put_uint(&bytes, lm_f16_store(x), 2);
		else
			bytes_put(&bytes, &x, 4);
	}
	return bytes.size;
}

static void write_bytes(FILE *out, const void *bytes, size_t n)
{
	if (fwrite(bytes, 1, n, out) == n)
		return;
	perror("make_model");
	exit(EXIT_FAILURE);
}

static void write_tensor(struct file *file, const struct tensor *tensor, FILE *out)
{
	static const uint8_t zeros[32];
	uint8_t bytes[4 * GGUF_Q8_BLOCK];
	bool is_norm = tensor->rows == 1;
	float spread = is_norm ? 0.1f : sqrtf(3.0f / (float)tensor->cols);
	uint64_t size = tensor_size(tensor), n, value = 0;

	for (uint64_t i = 0; i < size; i += n, value += GGUF_Q8_BLOCK) {
		n = file->says
			? say_values(tensor, value, bytes)
			: make_values(file, tensor->type, is_norm ? 1.0f : 0.0f, spread, bytes);
		write_bytes(out, bytes, n);
	}
	write_bytes(out, zeros, whole(size) - size);
}

static void write_file(struct file *file, FILE *out)
{
	struct gguf_build build = {0};
	uint8_t *head;
	size_t size;

	list_tensors(file);
	put_keys(&build, file);
	put_tensors(&build, file);
	head = gguf_build_end(&build, &size);
	write_bytes(out, head, size);
	free(head);
	for (size_t i = 0; i < file->n_tensors; i++)
		write_tensor(file, &file->tensors[i], out);
}

static const struct shape *find_shape(const char *name)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (strcmp(shapes[i].name, name) == 0)
			return &shapes[i];
	(void)fprintf(stderr, "make_model: no shape %s; there are:", name);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		(void)fprintf(stderr, " %s", shapes[i].name);
	(void)fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static struct file file = {.seed = 7};
	FILE *out;

	if (argc < 4 || argc > 5 || (strcmp(argv[2], "f16") != 0 && strcmp(argv[2], "q8_0") != 0)) {
		(void)fprintf(stderr, "make_model SHAPE f16|q8_0 FILE [SEED]\n");
		return EXIT_FAILURE;
	}
	if (argc == 5)
		file.seed = strtoull(argv[4], NULL, 10);
	file.shape = find_shape(argv[1]);
	file.says = argc == 4 && file.shape->n_vocab == N_SPOKEN;
	file.weights = strcmp(argv[2], "f16") == 0 ? GGUF_W_F16 : GGUF_W_Q8_0;
	out = fopen(argv[3], "wb");
	if (!out) {
		perror(argv[3]);
		return EXIT_FAILURE;
	}
	write_file(&file, out);
	if (fclose(out) != 0) {
		perror(argv[3]);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
