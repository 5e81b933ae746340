/*
 * rng.h -- the corpus' random numbers: xoshiro256** seeded by splitmix64 (Blackman & Vigna,
 * https://prng.di.unimi.it/), Gaussian by the polar method.  Same seed, same stream, everywhere --
 * provided that draws are in sequence: C leaves open in which order two calls in one expression, two
 * arguments or two initialisers are made, so a full expression holds one draw.
 */
#ifndef MW_CORPUS_RNG_H
#define MW_CORPUS_RNG_H

#include <stddef.h>
#include <stdint.h>

struct mw_rng {
	uint64_t s[4];
	double spare; /* second value of the polar method */
	int has_spare;
};

void mw_rng_seed(struct mw_rng *rng, uint64_t seed);
/* An independent stream for a named purpose, so that one more draw here moves nothing there. */
void mw_rng_fork(const struct mw_rng *rng, uint64_t purpose, struct mw_rng *ret_rng);

uint64_t mw_rng_u64(struct mw_rng *rng);
double mw_rng_uniform(struct mw_rng *rng, double lo, double hi);     /* [lo, hi) */
double mw_rng_log_uniform(struct mw_rng *rng, double lo, double hi); /* lo > 0 */
double mw_rng_normal(struct mw_rng *rng);                            /* mean 0, sd 1 */
size_t mw_rng_below(struct mw_rng *rng, size_t n);                   /* 0 .. n-1, n > 0 */
double mw_rng_sign(struct mw_rng *rng);          /* -1 or 1, each half the time */
int mw_rng_chance(struct mw_rng *rng, double p); /* 1 with probability p */

#endif
