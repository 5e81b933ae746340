/*
 * kernels.c -- the element-wise parts of one training step, fused, for the CPU.  Built on first use
 * by kernels.py; matrix products stay in PyTorch.  Every function is the same arithmetic as
 * model.py (tests compare them) with bfloat16 between matrix products and float32 on the residual
 * stream.
 *
 * A window holds S = rows * row_length + tail positions one after the other; N = windows * S.
 * bf16 values are their upper 16 bits.  Nothing is kept between calls; callers own every array.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HD        32 /* head size */
#define HALF      (HD / 2)
#define LANES     16
#define EMPTY     0xFFFFu
#define BLOCK     32 /* int8 block of the quantised form */
#define MAX_WIDTH 1024

typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t lane_bits __attribute__((vector_size(64), aligned(4), may_alias));

struct geometry {
	int32_t windows, rows, row_length, tail;
	int32_t heads, kv_heads;
	int32_t prefix;    /* channel rows see the asset row */
	int32_t quantised; /* imitate int8 activations */
};

static inline float widen(uint16_t value)
{
	uint32_t bits = (uint32_t)value << 16;
	float out;
	memcpy(&out, &bits, sizeof(out));
	return out;
}

static inline uint16_t narrow(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return (uint16_t)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

static inline size_t window_length(const struct geometry *g)
{
	return (size_t)g->rows * (size_t)g->row_length + (size_t)g->tail;
}

/* value[n] as int8 per block of 32 and back. */
static void fake_int8(float *value, size_t n)
{
	for (size_t b = 0; b < n; b += BLOCK) {
		float top = 0;
		for (size_t i = 0; i < BLOCK; i++)
			top = fmaxf(top, fabsf(value[b + i]));
		float step = top / 127, inverse = top > 0 ? 127 / top : 0;
		for (size_t i = 0; i < BLOCK; i++)
			value[b + i] = nearbyintf(value[b + i] * inverse) * step;
	}
}

static void store(float *value, size_t n, bool quantised, uint16_t *out)
{
	if (quantised)
		fake_int8(value, n);
	for (size_t i = 0; i < n; i++)
		out[i] = narrow(value[i]);
}

static size_t lanes(size_t n)
{
	return (n + LANES - 1) / LANES * LANES;
}

/* --- embedding: x[N][width] = sum of the codes' rows
 * ----------------------------------------------- */
static const uint16_t *codes_of(const struct geometry *g, const uint16_t *rows,
				const uint16_t *tail, size_t window, size_t position, size_t slots)
{
	size_t in_rows = (size_t)g->rows * (size_t)g->row_length;
	if (position < in_rows)
		return rows + (window * in_rows + position) * slots;
	return tail + (window * (size_t)g->tail + position - in_rows) * slots;
}

void mwk_embed(const struct geometry *g, const uint16_t *rows, const uint16_t *tail, size_t slots,
	       const float *table, size_t width, float *x)
{
	size_t length = window_length(g), n = length * (size_t)g->windows;
#pragma omp parallel for schedule(static)
	for (size_t at = 0; at < n; at++) {
		const uint16_t *code = codes_of(g, rows, tail, at / length, at % length, slots);
		float *out = x + at * width;
		memset(out, 0, width * sizeof(*out));
		for (size_t s = 0; s < slots; s++) {
			if (code[s] == EMPTY)
				continue;
			const float *row = table + code[s] * width;
			for (size_t i = 0; i < width; i++)
				out[i] += row[i];
		}
	}
}

/* Each task owns some columns of the table's gradient, so that no two write the same place. */
void mwk_embed_back(const struct geometry *g, const uint16_t *rows, const uint16_t *tail,
		    size_t slots, const float *dx, size_t width, float *dtable)
{
	size_t length = window_length(g), n = length * (size_t)g->windows;
#pragma omp parallel for schedule(static)
	for (size_t first = 0; first < width; first += 64) {
		size_t count = width - first < 64 ? width - first : 64;
		for (size_t at = 0; at < n; at++) {
			const uint16_t *code =
			    codes_of(g, rows, tail, at / length, at % length, slots);
			const float *in = dx + at * width + first;
			for (size_t s = 0; s < slots; s++) {
				if (code[s] == EMPTY)
					continue;
				float *row = dtable + code[s] * width + first;
				for (size_t i = 0; i < count; i++)
					row[i] += in[i];
			}
		}
	}
}

/* --- RMSNorm
 * --------------------------------------------------------------------------------------- */
/* next = x + delta (delta may be NULL: next is not written); y = norm(next) * weight. */
void mwk_norm(size_t n, size_t width, const float *x, const uint16_t *delta, const float *weight,
	      float eps, int32_t quantised, float *next, uint16_t *y, float *inverse)
{
#pragma omp parallel for schedule(static)
	for (size_t at = 0; at < n; at++) {
		float sum[MAX_WIDTH] = {0};
		const float *in = x + at * width;
		if (delta) {
			for (size_t i = 0; i < width; i++)
				sum[i] = in[i] + widen(delta[at * width + i]);
			memcpy(next + at * width, sum, width * sizeof(*sum));
		} else {
			memcpy(sum, in, width * sizeof(*sum));
		}
		float square = 0;
		for (size_t i = 0; i < width; i++)
			square += sum[i] * sum[i];
		float r = 1 / sqrtf(square / (float)width + eps);
		inverse[at] = r;
		for (size_t i = 0; i < width; i++)
			sum[i] *= r * weight[i];
		store(sum, width, quantised, y + at * width);
	}
}

/* dx += gradient through the norm; dx16 = dx as bf16; dweight += (zeroed by the caller). */
void mwk_norm_back(size_t n, size_t width, const float *x, const float *weight,
		   const float *inverse, const uint16_t *dy, float *dx, uint16_t *dx16,
		   float *dweight)
{
#pragma omp parallel
	{
		float local[MAX_WIDTH] = {0};
#pragma omp for schedule(static)
		for (size_t at = 0; at < n; at++) {
			const float *in = x + at * width;
			float *out = dx + at * width;
			float r = inverse[at], dot = 0, scaled[MAX_WIDTH];
			for (size_t i = 0; i < width; i++) {
				float d = widen(dy[at * width + i]);
				local[i] += d * in[i] * r;
				scaled[i] = d * weight[i];
				dot += scaled[i] * in[i];
			}
			float back = dot * r * r * r / (float)width;
			for (size_t i = 0; i < width; i++) {
				out[i] += scaled[i] * r - in[i] * back;
				dx16[at * width + i] = narrow(out[i]);
			}
		}
#pragma omp critical
		for (size_t i = 0; i < width; i++)
			dweight[i] += local[i];
	}
}

/* --- SwiGLU: h = silu(gate) * up; both[N][2 * ffn] holds gate, then up
 * ------------------------------ */
void mwk_swiglu(size_t n, size_t ffn, const uint16_t *both, int32_t quantised, uint16_t *h)
{
#pragma omp parallel for schedule(static)
	for (size_t at = 0; at < n; at++) {
		const uint16_t *gate = both + at * 2 * ffn, *up = gate + ffn;
		float out[4 * MAX_WIDTH];
		for (size_t i = 0; i < ffn; i++) {
			float a = widen(gate[i]);
			out[i] = a / (1 + expf(-a)) * widen(up[i]);
		}
		store(out, ffn, quantised, h + at * ffn);
	}
}

void mwk_swiglu_back(size_t n, size_t ffn, const uint16_t *both, const uint16_t *dh,
		     uint16_t *dboth)
{
#pragma omp parallel for schedule(static)
	for (size_t at = 0; at < n; at++) {
		const uint16_t *gate = both + at * 2 * ffn, *up = gate + ffn, *in = dh + at * ffn;
		uint16_t *dgate = dboth + at * 2 * ffn, *dup = dgate + ffn;
		for (size_t i = 0; i < ffn; i++) {
			float a = widen(gate[i]), d = widen(in[i]), s = 1 / (1 + expf(-a));
			dup[i] = narrow(d * a * s);
			dgate[i] = narrow(d * widen(up[i]) * s * (1 + a * (1 - s)));
		}
	}
}

/* --- attention
 * ------------------------------------------------------------------------------------- */
/* Keys and values of one segment, both ways round; ld = keys rounded up to whole lanes. */
struct segment {
	size_t n_keys, ld;
	float *k, *v;   /* [n_keys][HD] */
	float *kt, *vt; /* [HD][ld], zero beyond n_keys */
	float *dk, *dv; /* [n_keys][HD]; backward only */
	float *p, *dp;  /* [ld] */
};

struct scratch {
	float *memory;
	float *k, *v, *dk, *dv; /* the window's, [S][HD] of one kv head */
	struct segment row, tail;
};

static float *carve(float **at, size_t n)
{
	float *out = *at;
	*at += lanes(n);
	return out;
}

static void segment_carve(struct segment *s, size_t keys, float **at)
{
	s->ld = lanes(keys);
	s->k = carve(at, keys * HD), s->v = carve(at, keys * HD);
	s->dk = carve(at, keys * HD), s->dv = carve(at, keys * HD);
	s->kt = carve(at, s->ld * HD), s->vt = carve(at, s->ld * HD);
	s->p = carve(at, s->ld), s->dp = carve(at, s->ld);
}

static void scratch_init(struct scratch *s, const struct geometry *g)
{
	size_t length = window_length(g), per_row = 2 * (size_t)g->row_length;
	size_t floats = 4 * length * HD + 6 * HD * (lanes(length) + lanes(per_row)) +
			4 * (lanes(length) + lanes(per_row)) + 64 * LANES;
	s->memory = calloc(floats, sizeof(float));
	if (!s->memory)
		abort();
	float *at = s->memory;
	s->k = carve(&at, length * HD), s->v = carve(&at, length * HD);
	s->dk = carve(&at, length * HD), s->dv = carve(&at, length * HD);
	segment_carve(&s->row, per_row, &at);
	segment_carve(&s->tail, length, &at);
}

static void turn(const uint16_t *in, const float *cosine, const float *sine, float scale,
		 float *out)
{
	for (size_t i = 0; i < HALF; i++) {
		float a = widen(in[i]), b = widen(in[i + HALF]);
		out[i] = (a * cosine[i] - b * sine[i]) * scale;
		out[i + HALF] = (a * sine[i] + b * cosine[i]) * scale;
	}
}

static void turn_back(const float *in, const float *cosine, const float *sine, float scale,
		      uint16_t *out)
{
	for (size_t i = 0; i < HALF; i++) {
		float a = in[i], b = in[i + HALF];
		out[i] = narrow((a * cosine[i] + b * sine[i]) * scale);
		out[i + HALF] = narrow((b * cosine[i] - a * sine[i]) * scale);
	}
}

static void transpose(const float *in, size_t n, size_t ld, float *out)
{
	memset(out, 0, ld * HD * sizeof(*out));
	for (size_t j = 0; j < n; j++)
		for (size_t c = 0; c < HD; c++)
			out[c * ld + j] = in[j * HD + c];
}

/* out[j] = sum over c of q[c] * t[c][j], for whole lanes that cover n. */
static void dots(const float *q, const float *t, size_t ld, size_t n, float *out)
{
	for (size_t j = 0; j < n; j += LANES) {
		vec even = {0}, odd = {0};
		for (size_t c = 0; c < HD; c += 2) {
			even += q[c] * *(const vec *)(t + c * ld + j);
			odd += q[c + 1] * *(const vec *)(t + (c + 1) * ld + j);
		}
		*(vec *)(out + j) = even + odd;
	}
}

/* out[HD] = sum over j of p[j] * rows[j][HD]. */
static void mix(const float *p, const float *rows, size_t n, float *out)
{
	vec a[4] = {{0}}, b[4] = {{0}};
	size_t j = 0;
	for (; j + 4 <= n; j += 4) {
		for (size_t i = 0; i < 4; i++) {
			a[i] += p[j + i] * *(const vec *)(rows + (j + i) * HD);
			b[i] += p[j + i] * *(const vec *)(rows + (j + i) * HD + LANES);
		}
	}
	for (; j < n; j++) {
		a[0] += p[j] * *(const vec *)(rows + j * HD);
		b[0] += p[j] * *(const vec *)(rows + j * HD + LANES);
	}
	*(vec *)out = (a[0] + a[1]) + (a[2] + a[3]);
	*(vec *)(out + LANES) = (b[0] + b[1]) + (b[2] + b[3]);
}

/* e^x for x in [-87, 0]: 2^whole times a polynomial for 2^part (minimax on [-1/2, 1/2], relative
 * error 2e-7); whole lanes at once. */
static inline vec exponential(vec x)
{
	static const float c[] = {1.0f,           0.693147182f,   0.240226462f, 0.0555042891f,
				  0.00961834807f, 0.00133952234f, 0.000154689f};
	const vec magic =
	    (vec){0} + 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
	vec scaled = x * 1.44269504f, whole = scaled + magic;
	lane_bits exponent = (lane_bits)whole << 23;
	__asm__("" : "+v"(whole)); /* keeps -ffast-math from cancelling the rounding */
	vec part = scaled - (whole - magic), sum = (vec){0} + c[6];
	for (int i = 5; i >= 0; i--)
		sum = sum * part + c[i];
	return (vec)((lane_bits)sum + exponent);
}

/* p[n], and zeros up to whole lanes. */
static void softmax(float *p, size_t n)
{
	size_t whole = lanes(n);
	for (size_t j = n; j < whole; j++)
		p[j] = -1e30f;
	float top = p[0], sum = 0;
	for (size_t j = 0; j < whole; j++)
		top = p[j] > top ? p[j] : top;
	for (size_t j = 0; j < whole; j++)
		p[j] = p[j] - top > -87 ? p[j] - top : -87;
	vec total = {0};
	for (size_t j = 0; j < whole; j += LANES) {
		vec e = exponential(*(vec *)(p + j));
		*(vec *)(p + j) = e;
		total += e;
	}
	for (size_t i = 0; i < LANES; i++)
		sum += total[i];
	float inverse = 1 / sum;
	for (size_t j = 0; j < whole; j++)
		p[j] *= inverse;
}

/* Where one kv head's queries and results lie. */
struct task {
	const struct geometry *g;
	const uint16_t *qkv;        /* of the window, [S][stride] */
	const float *cosine, *sine; /* [S][HALF] */
	size_t stride, kv;          /* kv: which kv head */
	uint16_t *out;              /* [S][heads * HD]; forward */
	const uint16_t *dout;       /* backward */
	uint16_t *dqkv;
};

static size_t queries_per_key(const struct geometry *g)
{
	return (size_t)(g->heads / g->kv_heads);
}

/* Position `at` sees the segment's first n keys. */
static void query(const struct task *t, const struct segment *s, size_t at, size_t n)
{
	float q[HD], o[HD], scale = 1 / sqrtf(HD);
	size_t per = queries_per_key(t->g), width = (size_t)t->g->heads * HD;
	for (size_t h = t->kv * per; h < (t->kv + 1) * per; h++) {
		turn(t->qkv + at * t->stride + h * HD, t->cosine + at * HALF, t->sine + at * HALF,
		     scale, q);
		dots(q, s->kt, s->ld, n, s->p);
		softmax(s->p, n);
		mix(s->p, s->v, n, o);
		store(o, HD, t->g->quantised, t->out + at * width + h * HD);
	}
}

static void spread(const float *p, const float *row, size_t n, float *rows)
{
	vec a = *(const vec *)row, b = *(const vec *)(row + LANES);
	for (size_t j = 0; j < n; j++) {
		*(vec *)(rows + j * HD) += p[j] * a;
		*(vec *)(rows + j * HD + LANES) += p[j] * b;
	}
}

static void query_back(const struct task *t, const struct segment *s, size_t at, size_t n)
{
	float q[HD], o[HD], dq[HD], scale = 1 / sqrtf(HD);
	const float *cosine = t->cosine + at * HALF, *sine = t->sine + at * HALF;
	size_t per = queries_per_key(t->g), width = (size_t)t->g->heads * HD;
	for (size_t h = t->kv * per; h < (t->kv + 1) * per; h++) {
		turn(t->qkv + at * t->stride + h * HD, cosine, sine, scale, q);
		for (size_t c = 0; c < HD; c++)
			o[c] = widen(t->dout[at * width + h * HD + c]);
		dots(q, s->kt, s->ld, n, s->p);
		softmax(s->p, n);
		dots(o, s->vt, s->ld, n, s->dp);
		spread(s->p, o, n, s->dv);
		float dot = 0;
		for (size_t j = 0; j < lanes(n); j++)
			dot += s->p[j] * s->dp[j];
		for (size_t j = 0; j < lanes(n); j++)
			s->dp[j] = s->p[j] * (s->dp[j] - dot);
		mix(s->dp, s->k, n, dq);
		spread(s->dp, q, n, s->dk);
		turn_back(dq, cosine, sine, scale, t->dqkv + at * t->stride + h * HD);
	}
}

typedef void visit_fn(const struct task *, const struct segment *, size_t at, size_t n);

/* Copies keys [first, first + n) of the window to place `to` of the segment. */
static void segment_take(struct segment *s, const struct scratch *w, size_t first, size_t n,
			 size_t to)
{
	memcpy(s->k + to * HD, w->k + first * HD, n * HD * sizeof(float));
	memcpy(s->v + to * HD, w->v + first * HD, n * HD * sizeof(float));
}

static void segment_ready(struct segment *s, size_t n_keys, bool back)
{
	s->n_keys = n_keys;
	transpose(s->k, n_keys, s->ld, s->kt);
	if (!back)
		return;
	transpose(s->v, n_keys, s->ld, s->vt);
	memset(s->dk, 0, n_keys * HD * sizeof(float));
	memset(s->dv, 0, n_keys * HD * sizeof(float));
}

static void segment_give(const struct segment *s, struct scratch *w, size_t first, size_t n,
			 size_t from)
{
	for (size_t i = 0; i < n * HD; i++) {
		w->dk[first * HD + i] += s->dk[from * HD + i];
		w->dv[first * HD + i] += s->dv[from * HD + i];
	}
}

static void visit_row(const struct task *t, struct scratch *w, size_t row, visit_fn *visit,
		      bool back)
{
	size_t length = (size_t)t->g->row_length, first = row * length;
	size_t prefix = row > 0 && t->g->prefix ? length : 0;
	struct segment *s = &w->row;
	segment_take(s, w, 0, prefix, 0);
	segment_take(s, w, first, length, prefix);
	segment_ready(s, prefix + length, back);
	for (size_t i = 0; i < length; i++)
		visit(t, s, first + i, prefix + i + 1);
	if (back) {
		segment_give(s, w, 0, prefix, 0);
		segment_give(s, w, first, length, prefix);
	}
}

/* The tail sees every row, and of itself what came before. */
static void visit_tail(const struct task *t, struct scratch *w, visit_fn *visit, bool back)
{
	size_t n = window_length(t->g), first = n - (size_t)t->g->tail;
	struct segment *s = &w->tail;
	segment_take(s, w, 0, n, 0);
	segment_ready(s, n, back);
	for (size_t at = first; at < n; at++)
		visit(t, s, at, at + 1);
	if (back)
		segment_give(s, w, 0, n, 0);
}

static void visit_window(const struct task *t, struct scratch *w, visit_fn *visit, bool back)
{
	size_t n = window_length(t->g), key = ((size_t)t->g->heads + t->kv) * HD;
	size_t value = key + (size_t)t->g->kv_heads * HD;
	for (size_t at = 0; at < n; at++) {
		const uint16_t *in = t->qkv + at * t->stride;
		turn(in + key, t->cosine + at * HALF, t->sine + at * HALF, 1, w->k + at * HD);
		for (size_t c = 0; c < HD; c++)
			w->v[at * HD + c] = widen(in[value + c]);
	}
	if (back) {
		memset(w->dk, 0, n * HD * sizeof(float));
		memset(w->dv, 0, n * HD * sizeof(float));
	}
	for (size_t row = 0; row < (size_t)t->g->rows; row++)
		visit_row(t, w, row, visit, back);
	if (t->g->tail)
		visit_tail(t, w, visit, back);
	for (size_t at = 0; back && at < n; at++) {
		uint16_t *out = t->dqkv + at * t->stride;
		turn_back(w->dk + at * HD, t->cosine + at * HALF, t->sine + at * HALF, 1,
			  out + key);
		for (size_t c = 0; c < HD; c++)
			out[value + c] = narrow(w->dv[at * HD + c]);
	}
}

/* qkv[N][(heads + 2 kv_heads) * HD]; cosine, sine [S][HALF].  Forward: out.  Backward: dout, dqkv.
 */
void mwk_attention(const struct geometry *g, const uint16_t *qkv, const float *cosine,
		   const float *sine, uint16_t *out, const uint16_t *dout, uint16_t *dqkv)
{
	size_t n = window_length(g), stride = (size_t)(g->heads + 2 * g->kv_heads) * HD;
	size_t width = (size_t)g->heads * HD;
	bool back = dqkv != NULL;
#pragma omp parallel
	{
		struct scratch scratch;
		scratch_init(&scratch, g);
#pragma omp for schedule(dynamic)
		for (int32_t w = 0; w < g->windows; w++) {
			size_t at = (size_t)w * n;
			struct task task = {.g = g,
					    .qkv = qkv + at * stride,
					    .cosine = cosine,
					    .sine = sine,
					    .stride = stride};
			task.out = back ? NULL : out + at * width;
			task.dout = back ? dout + at * width : NULL;
			task.dqkv = back ? dqkv + at * stride : NULL;
			for (task.kv = 0; task.kv < (size_t)g->kv_heads; task.kv++)
				visit_window(&task, &scratch, back ? query_back : query, back);
		}
		free(scratch.memory);
	}
}
