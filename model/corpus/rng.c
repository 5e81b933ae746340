#include "model/corpus/rng.h"
#include "model/corpus/elementary.h"

#include <math.h>
#include <string.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void mw_rng_seed(struct mw_rng *rng, uint64_t seed)
{
	memset(rng, 0, sizeof(*rng));
	for (size_t i = 0; i < 4; i++)
		rng->s[i] = splitmix(&seed);
}

void mw_rng_fork(const struct mw_rng *rng, uint64_t purpose, struct mw_rng *ret_rng)
{
	uint64_t mix = rng->s[0] ^ rotl(rng->s[3], 17);

	mw_rng_seed(ret_rng, mix ^ splitmix(&purpose));
}

uint64_t mw_rng_u64(struct mw_rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t out = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return out;
}

double mw_rng_uniform(struct mw_rng *rng, double lo, double hi)
{
	double unit = (double)(mw_rng_u64(rng) >> 11) * 0x1p-53;

	return lo + (hi - lo) * unit;
}

double mw_rng_log_uniform(struct mw_rng *rng, double lo, double hi)
{
	return mw_exp(mw_rng_uniform(rng, mw_ln(lo), mw_ln(hi)));
}

double mw_rng_normal(struct mw_rng *rng)
{
	double u;
	double v;
	double q;

	if (rng->has_spare) {
		rng->has_spare = 0;
		return rng->spare;
	}
	do {
		u = mw_rng_uniform(rng, -1.0, 1.0);
		v = mw_rng_uniform(rng, -1.0, 1.0);
		q = u * u + v * v;
	} while (q >= 1.0 || q == 0.0);
	q = sqrt(-2.0 * mw_ln(q) / q);
	rng->spare = v * q;
	rng->has_spare = 1;
	return u * q;
}

size_t mw_rng_below(struct mw_rng *rng, size_t n)
{
	return (size_t)(((__uint128_t)mw_rng_u64(rng) * n) >> 64);
}

double mw_rng_sign(struct mw_rng *rng)
{
	return mw_rng_chance(rng, 0.5) ? 1 : -1;
}

int mw_rng_chance(struct mw_rng *rng, double p)
{
	return mw_rng_uniform(rng, 0.0, 1.0) < p;
}
