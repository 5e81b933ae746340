#include "gateway/app/cmd_lm_limits.h"
#include "gateway/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define MAX_THREADS 64u
#define WINDOW_NS   300000000 /* how long is measured */
#define SLICE_NS    2000000
#define ROUNDS      2000

/* A thread's work: rounds of something until the window is over. */
struct worker {
	const uint64_t *words;
	size_t n_words;
	double (*run)(const struct worker *worker); /* what a round did */
	double rate;                                /* a second */
	pthread_t thread;
};

#define UNROLLED _Pragma("GCC unroll 8") /* so that sums stay in registers */

static _Thread_local volatile uint64_t sink; /* so that no sum is left out */

typedef uint64_t vector __attribute__((vector_size(32)));

__attribute__((always_inline)) static inline double read_vectors(const struct worker *worker)
{
	const vector *at = (const vector *)(const void *)worker->words;
	const vector *end = at + worker->n_words / 32 * 8;
	vector sum[8] = {{0}};

	for (; at < end; at += 8) {
		UNROLLED
		for (int k = 0; k < 8; k++)
			sum[k] += at[k];
	}
	for (int k = 1; k < 8; k++)
		sum[0] += sum[k];
	sink = sum[0][0] + sum[0][1] + sum[0][2] + sum[0][3];
	return (double)(8 * worker->n_words);
}

static double read_words(const struct worker *worker)
{
	return read_vectors(worker);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static double read_words_avx2(const struct worker *worker)
{
	return read_vectors(worker);
}
#endif

#if defined(__x86_64__)
/* vpmaddubsw, vpmaddwd, vpaddd: 32 products a triple, 8 sums at once. */
__attribute__((target("avx2"))) static double multiply_avx2(const struct worker *worker)
{
	__m256i sum[8], x = _mm256_set1_epi8(3), ones = _mm256_set1_epi16(1);

	(void)worker;
	for (int k = 0; k < 8; k++)
		sum[k] = _mm256_setzero_si256();
	for (int i = 0; i < ROUNDS; i++) {
		UNROLLED
		for (int k = 0; k < 8; k++) {
			__m256i pairs = _mm256_maddubs_epi16(x, sum[k]);

			sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(pairs, ones));
		}
	}
	for (int k = 0; k < 8; k++)
		sink += (uint64_t)_mm256_extract_epi64(sum[k], 0);
	return 32.0 * 8 * ROUNDS;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static double
multiply_vnni(const struct worker *worker)
{
	__m512i sum[8], x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(5);

	(void)worker;
	for (int k = 0; k < 8; k++)
		sum[k] = _mm512_setzero_si512();
	for (int i = 0; i < ROUNDS; i++) {
		UNROLLED
		for (int k = 0; k < 8; k++)
			sum[k] = _mm512_dpbusd_epi32(sum[k], x, y);
	}
	for (int k = 0; k < 8; k++)
		sink += (uint64_t)_mm512_reduce_add_epi32(sum[k]);
	return 64.0 * 8 * ROUNDS;
}
#elif defined(__aarch64__)
/* smull, smlal2, sadalp: 16 products a triple. */
static double multiply_neon(const struct worker *worker)
{
	int32x4_t sum[8];
	int8x16_t x = vdupq_n_s8(3);

	(void)worker;
	for (int k = 0; k < 8; k++)
		sum[k] = vdupq_n_s32(k);
	for (int i = 0; i < ROUNDS; i++) {
		UNROLLED
		for (int k = 0; k < 8; k++) {
			int8x16_t y = vreinterpretq_s8_s32(sum[k]);
			int16x8_t pairs = vmull_s8(vget_low_s8(x), vget_low_s8(y));

			pairs = vmlal_high_s8(pairs, x, y);
			sum[k] = vpadalq_s16(sum[k], pairs);
		}
	}
	for (int k = 0; k < 8; k++)
		sink += (uint64_t)(uint32_t)vaddvq_s32(sum[k]);
	return 16.0 * 8 * ROUNDS;
}
#endif

static double multiply_plain(const struct worker *worker)
{
	int8_t x[64], y[64];
	int32_t sum = 0;

	(void)worker;
	memset(x, 3, sizeof(x));
	memset(y, 5, sizeof(y));
	for (int i = 0; i < ROUNDS / 8; i++) {
		for (int k = 0; k < 64; k++)
			sum += x[k] * y[k];
		x[i % 64] = (int8_t)sum;
	}
	sink += (uint64_t)(uint32_t)sum;
	return 64.0 * (ROUNDS / 8);
}

/* The best of many short slices: what else runs on the machine is no limit of it. */
static void *work(void *context)
{
	struct worker *worker = context;
	int64_t begin, start, now;

	(void)worker->run(worker); /* pages, caches, clock rate */
	begin = mw_clock_mono_ns();
	do {
		double done = 0;

		start = mw_clock_mono_ns();
		do {
			done += worker->run(worker);
			now = mw_clock_mono_ns();
		} while (now - start < SLICE_NS);
		done *= 1e9 / (double)(now - start);
		worker->rate = done > worker->rate ? done : worker->rate;
	} while (now - begin < WINDOW_NS);
	return NULL;
}

static double run_all(struct worker *workers, uint32_t n)
{
	uint32_t started = 1;
	double rate = 0;

	for (; started < n; started++)
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
			break;
	(void)work(&workers[0]);
	for (uint32_t i = 1; i < started; i++)
		(void)pthread_join(workers[i].thread, NULL);
	for (uint32_t i = 0; i < started; i++)
		rate += workers[i].rate;
	return rate;
}

double mw_lm_limit_bytes(size_t size, uint32_t threads)
{
	struct worker workers[MAX_THREADS] = {{0}};
	double (*run)(const struct worker *worker) = read_words;
	uint64_t *words;
	double rate;

	threads = threads < MAX_THREADS ? threads : MAX_THREADS;
	size = size < 1u << 20 ? 1u << 20 : size > 512u << 20 ? 512u << 20 : size;
	words = aligned_alloc(64, size / 64 * 64);
	if (!words)
		return 0;
	memset(words, 1, size / 64 * 64);
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		run = read_words_avx2;
#endif
	for (uint32_t i = 0; i < threads; i++) {
		size_t n = size / 8 / threads / 32 * 32;

		workers[i] = (struct worker){.words = words + i * n, .n_words = n, .run = run};
	}
	rate = run_all(workers, threads);
	free(words);
	return rate;
}

double mw_lm_limit_macs(uint32_t threads)
{
	struct worker workers[MAX_THREADS] = {{0}};
	double (*run)(const struct worker *worker) = multiply_plain;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw"))
		run = multiply_vnni;
	else if (__builtin_cpu_supports("avx2"))
		run = multiply_avx2;
#elif defined(__aarch64__)
	run = multiply_neon;
#endif
	threads = threads < MAX_THREADS ? threads : MAX_THREADS;
	for (uint32_t i = 0; i < threads; i++)
		workers[i].run = run;
	return run_all(workers, threads);
}
