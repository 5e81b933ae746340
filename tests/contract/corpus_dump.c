/*
 * corpus_dump -- the series of COUNT seeds from FIRST on, as this architecture simulates them:
 *
 *     corpus_dump FIRST COUNT >FILE            writes labels and values
 *     corpus_dump FIRST COUNT --against FILE   simulates them again and compares
 *
 * Labels must agree exactly, values within 1e-9 of the channel's size.  Little endian.
 */
#include "model/corpus/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 1e-9

struct dump {
	FILE *file;
	bool compare;
	size_t flips, far, values;
	double worst;
};

static void label(struct dump *dump, uint64_t seed, const char *what, const void *data, size_t size)
{
	unsigned char *other = malloc(size + 1);

	if (!dump->compare) {
		fwrite(data, 1, size, dump->file);
	} else if (!other || fread(other, 1, size, dump->file) != size ||
		   memcmp(other, data, size) != 0) {
		printf("seed %llu: %s differs\n", (unsigned long long)seed, what);
		dump->flips++;
	}
	free(other);
}

static void check(struct dump *dump, double mine, double other, double scale)
{
	double far = fabs(mine - other) / scale;

	dump->values++;
	if (isnan(mine) && isnan(other))
		return;
	if (!(far <= TOLERANCE))
		dump->far++;
	if (far > dump->worst || isnan(far))
		dump->worst = far;
}

static void values(struct dump *dump, const struct mw_sim_series *s, const double *value)
{
	size_t n = s->n_rows * s->n_channels;

	if (!dump->compare) {
		fwrite(value, sizeof(*value), n, dump->file);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		double unit = s->noise_unit[i % s->n_channels];
		double other = 0;

		if (fread(&other, sizeof(other), 1, dump->file) != 1)
			other = INFINITY;
		check(dump, value[i], other, fmax(fabs(value[i]), unit));
	}
}

static void one(struct dump *dump, uint64_t seed)
{
	struct mw_sim_spec spec;
	struct mw_sim_series *s;

	mw_sim_spec_draw(seed, &spec);
	if (mw_sim_series_new(&spec, &s) != 0) {
		printf("seed %llu: no series\n", (unsigned long long)seed);
		dump->flips++;
		return;
	}
	label(dump, seed, "size", &s->n_channels, sizeof(s->n_channels));
	label(dump, seed, "channel", s->channel, sizeof(s->channel));
	label(dump, seed, "fault_at", s->fault_at, s->n_rows);
	label(dump, seed, "operation_at", s->operation_at, s->n_rows);
	label(dump, seed, "cause_order", s->cause_order, sizeof(s->cause_order));
	label(dump, seed, "n_cause", s->n_cause, sizeof(s->n_cause));
	label(dump, seed, "proof", s->proof, sizeof(s->proof));
	label(dump, seed, "proof_channel", s->proof_channel, sizeof(s->proof_channel));
	label(dump, seed, "by_exception", s->by_exception, sizeof(s->by_exception));
	values(dump, s, s->value);
	values(dump, s, s->healthy);
	mw_sim_series_free(s);
}

int main(int argc, char **argv)
{
	struct dump dump = {.file = stdout, .compare = argc == 5};
	uint64_t first = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (dump.compare)
		dump.file = fopen(argv[4], "rb");
	if (count == 0 || !dump.file) {
		fputs("usage: corpus_dump FIRST COUNT [--against FILE]\n", stderr);
		return 2;
	}
	for (uint64_t seed = first; seed < first + count; seed++)
		one(&dump, seed);
	if (!dump.compare)
		return ferror(stdout) || fflush(stdout) ? 1 : 0;
	printf("%llu series, %zu values: %zu labels differ, %zu values differ by more than %g, "
	       "largest %g\n",
	       (unsigned long long)count, dump.values, dump.flips, dump.far, TOLERANCE, dump.worst);
	return dump.values == 0 || dump.flips > 0 || dump.far > 0;
}
