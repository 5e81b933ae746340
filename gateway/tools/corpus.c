/*
 * mw-corpus -- training shards of schemas/corpus.md: simulated machines, learnt and encoded by the
 * gateway's own code, with exact labels.
 *
 *     mw-corpus --out FILE --windows N --seed S [--shard K] [--hold-out FAULT,FAULT...]
 *         [--unnamed SHARE]
 *     mw-corpus --describe
 *
 * --unnamed: that share of the series has a fault that no model knows by name (model/corpus/site.h,
 * those for training), labelled as what --hold-out holds out: unknown.
 *
 * Windows are kept in memory until their groups can be written: about 0.4 kB per row of a window.
 * Equal arguments give equal bytes.
 */
#include "gateway/core/truth.h"
#include "gateway/core/truth_profile.h"
#include "gateway/tools/corpus_describe.h"
#include "model/corpus/rng.h"
#include "model/corpus/sim.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MIN_WINDOWS     4 /* per series */
#define MAX_WINDOWS     8
#define AFTER_LEARN     2 /* patches between the learn segment and the first window's end */
#define CODES_PER_ROW   ((size_t)MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS)
#define HEADER          64
#define SHARD_VERSION   3
#define SERIES_BITS     20 /* of a series' number; the shard's number lies above */
#define HIDE_MACHINE    0.2
#define HAS_PROFILE     0.25
#define HIDE_ROLES      0.2
#define SEEN_BY_GATEWAY 4.0f /* noise units from which the gateway takes rows for anomalous */
#define FORK_WINDOWS    1u

struct label {
	uint8_t verdict, fault, severity, onset;
	uint8_t channels[MW_TRUTH_CHANNELS];
	int8_t move[MW_TRUTH_CHANNELS];
	uint8_t proof[MW_TRUTH_CHANNELS];
	uint32_t claims[MW_TRUTH_CHANNELS];
	uint8_t event_claims;
	float effect;
	uint8_t machine;
	uint32_t series;
};

/* Windows of one row count, as they come. */
struct group {
	size_t n, room;
	uint16_t *code; /* [n][rows][20][10] */
	uint8_t *patch; /* [n][rows][16] */
	struct label *label;
};

struct corpus {
	uint64_t seed;
	uint32_t shard;
	size_t wanted, made;
	double unnamed;                             /* share of the series */
	bool held_out[MW_N_FAULT];                  /* faults that are labelled unknown */
	struct group group[MW_PROMPT_MAX_ROWS + 1]; /* by row count */
};

/* One series while it is encoded. */
struct scene {
	const struct mw_sim_series *series;
	struct mw_machine_info info;
	uint32_t number;
	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	struct mw_profile_channel profile[MW_SIM_MAX_CHANNELS];
	struct mw_truth *truth;
	size_t n_patches;
	uint8_t *take; /* [n_patches + 1] is there a window that ends with so many patches? */
};

/* --- windows ---------------------------------------------------------------------------------- */

static bool grow(struct group *group, size_t rows)
{
	size_t room = group->room ? 2 * group->room : 64;
	uint16_t *code = realloc(group->code, room * rows * CODES_PER_ROW * sizeof(*code));
	uint8_t *patch;
	struct label *label;

	if (!code)
		return false;
	group->code = code;
	patch = realloc(group->patch, room * rows * MW_WINDOW_PATCHES);
	if (!patch)
		return false;
	group->patch = patch;
	label = realloc(group->label, room * sizeof(*label));
	if (!label)
		return false;
	group->label = label;
	group->room = room;
	return true;
}

/* Held out or without a name: something is wrong, and nobody has said what. */
static void hold_out(const struct corpus *corpus, struct mw_window_truth *truth)
{
	if (truth->verdict != MW_VERDICT_FAULT || !corpus->held_out[truth->fault])
		return;
	truth->verdict = MW_VERDICT_UNKNOWN;
	truth->fault = MW_FAULT_UNKNOWN;
}

static void put_label(const struct scene *scene, const struct mw_window_truth *truth,
		      struct label *ret)
{
	ret->verdict = (uint8_t)truth->verdict;
	ret->fault = (uint8_t)truth->fault;
	ret->severity = (uint8_t)truth->severity;
	ret->onset = (uint8_t)truth->onset;
	memcpy(ret->channels, truth->row, sizeof(ret->channels));
	for (size_t i = 0; i < MW_TRUTH_CHANNELS; i++) {
		ret->move[i] = (int8_t)truth->move[i];
		ret->proof[i] = (uint8_t)truth->proof[i];
	}
	memcpy(ret->claims, truth->claims, sizeof(ret->claims));
	ret->event_claims = (uint8_t)truth->event_claims;
	ret->effect = truth->effect;
	ret->machine = (uint8_t)scene->series->spec.machine;
	ret->series = scene->number;
}

static bool add_window(struct corpus *corpus, const struct scene *scene)
{
	struct mw_prompt prompt;
	struct mw_window_truth truth;
	struct group *group;
	size_t rows;

	mw_evidence_read(scene->evidence);
	mw_prompt_encode(scene->evidence, &scene->info, MW_LANGUAGE_EN, &prompt);
	mw_truth_window(scene->truth, scene->evidence, &prompt, &truth);
	hold_out(corpus, &truth);
	rows = prompt.n_rows;
	group = &corpus->group[rows];
	if (group->n == group->room && !grow(group, rows))
		return false;
	memcpy(group->code + group->n * rows * CODES_PER_ROW, prompt.code,
	       rows * CODES_PER_ROW * sizeof(prompt.code[0]));
	memcpy(group->patch + group->n * rows * MW_WINDOW_PATCHES, truth.patch,
	       rows * MW_WINDOW_PATCHES);
	put_label(scene, &truth, &group->label[group->n]);
	group->n++;
	corpus->made++;
	return true;
}

/* The patch in which the first injected thing sets in -- a fault if there is one. */
static size_t onset_of(const struct mw_sim_series *series, size_t otherwise)
{
	size_t onset = otherwise;

	for (size_t i = series->spec.n_injection; i-- > 0;) {
		const struct mw_sim_injection *in = &series->spec.injection[i];
		bool operation = mw_fault_kind_of(in->fault) == MW_KIND_OPERATION;

		if (!operation || onset == otherwise)
			onset = in->onset_row / MW_PATCH_ROWS;
	}
	return onset;
}

/* Where a window ends (in patches, exclusive): most often soon after the onset, sometimes right
 * before it, else anywhere. */
static size_t draw_end(const struct scene *scene, struct mw_rng *rng)
{
	const struct mw_sim_series *series = scene->series;
	size_t low = series->spec.n_learn / MW_PATCH_ROWS + AFTER_LEARN;
	size_t any = low + mw_rng_below(rng, scene->n_patches - low + 1);
	size_t onset = onset_of(series, any);
	size_t after = onset + 1 + mw_rng_below(rng, MW_WINDOW_PATCHES);
	bool spike =
	    series->spec.n_injection > 0 && series->spec.injection[0].fault == MW_FAULT_SPIKE;
	double what = mw_rng_uniform(rng, 0, 1);

	if (spike && mw_rng_chance(rng, 0.5))
		after = onset + 1 + mw_rng_below(rng, 2);
	if (what < 0.12)
		any = onset;
	else if (what < 0.65)
		any = after;
	any = any < low ? low : any;
	return any > scene->n_patches ? scene->n_patches : any;
}

/* Marks the patches at whose end a window is taken. */
static void draw_ends(const struct scene *scene, struct mw_rng *rng)
{
	size_t n = MIN_WINDOWS + mw_rng_below(rng, MAX_WINDOWS - MIN_WINDOWS + 1);

	for (size_t i = 0; i < n; i++)
		scene->take[draw_end(scene, rng)] = 1;
}

/* Not every site says what its machines and channels are. */
static void draw_info(struct scene *scene, struct mw_rng *rng)
{
	const struct mw_sim_series *series = scene->series;
	bool hide_roles = mw_rng_chance(rng, HIDE_ROLES);

	scene->info.machine = series->spec.machine;
	if (mw_rng_chance(rng, HIDE_MACHINE))
		scene->info.machine = MW_MACHINE_OTHER;
	for (size_t c = 0; c < series->n_channels; c++)
		scene->info.role[c] = hide_roles ? MW_ROLE_OTHER : series->channel[c].role;
	if (!mw_rng_chance(rng, HAS_PROFILE))
		return;
	mw_truth_profile(series, rng, scene->profile);
	for (size_t c = 0; c < series->n_channels; c++)
		scene->info.profile[c] = &scene->profile[c];
}

/* What the gateway would hold for healthy: it does not see small effects either. */
static bool looks_healthy(const struct mw_sim_series *series, size_t from)
{
	size_t end = (from + MW_PATCH_ROWS) * series->n_channels;

	for (size_t i = from * series->n_channels; i < end; i++)
		if (series->effect[i] >= SEEN_BY_GATEWAY)
			return false;
	return true;
}

static bool run_series(struct corpus *corpus, struct scene *scene)
{
	const struct mw_sim_series *series = scene->series;

	for (size_t t = 0; t < scene->n_patches * MW_PATCH_ROWS; t++) {
		const double *value = series->value + t * series->n_channels;

		if (t < series->spec.n_learn)
			mw_evidence_push_learn(scene->evidence, t, (int64_t)t, value);
		else
			mw_evidence_push(scene->evidence, (int64_t)t, value);
		if ((t + 1) % MW_PATCH_ROWS != 0)
			continue;
		mw_evidence_remember(scene->evidence, looks_healthy(series, t + 1 - MW_PATCH_ROWS));
		if (scene->take[(t + 1) / MW_PATCH_ROWS] && !add_window(corpus, scene))
			return false;
	}
	return true;
}

static bool scene_init(struct scene *scene, const struct mw_sim_series *series, uint32_t number,
		       struct mw_rng *rng)
{
	struct mw_baseline_hints hints = {{0}};

	memset(scene, 0, sizeof(*scene));
	scene->series = series;
	scene->number = number;
	scene->n_patches = series->n_rows / MW_PATCH_ROWS;
	scene->take = calloc(scene->n_patches + 1, 1);
	draw_info(scene, rng);
	for (size_t c = 0; c < series->n_channels; c++)
		hints.use[c] = (uint8_t)mw_role_use(scene->info.role[c]);
	return scene->take &&
	       mw_baseline_fit(series->value, series->spec.n_learn, series->n_channels, &hints,
			       &scene->baseline) == MW_E_OK &&
	       mw_evidence_new(scene->baseline, &scene->evidence) == MW_E_OK &&
	       mw_truth_new(series, &scene->truth) == MW_E_OK;
}

static void scene_done(struct scene *scene)
{
	mw_truth_free(scene->truth);
	mw_evidence_free(scene->evidence);
	mw_baseline_free(scene->baseline);
	free(scene->take);
}

static bool encode_series(struct corpus *corpus, const struct mw_sim_series *series,
			  uint32_t number, struct mw_rng *rng)
{
	struct scene scene;
	bool ok = scene_init(&scene, series, number, rng);

	if (ok) {
		draw_ends(&scene, rng);
		ok = run_series(corpus, &scene);
	}
	scene_done(&scene);
	return ok;
}

/* What nobody has named, on one channel alone, is a faulty sensor to whoever looks: no example. */
static bool taken_for_a_sensor(const struct mw_sim_series *series)
{
	for (size_t i = 0; i < series->spec.n_injection; i++)
		if (series->spec.injection[i].site != MW_SITE_NONE &&
		    series->proof[i] != MW_PROOF_NONE && series->n_cause[i] < 2)
			return true;
	return false;
}

/* Too short for a window after learning, or refused by the simulator: the next number is tried. */
static bool make_series(struct corpus *corpus, uint32_t number)
{
	struct mw_rng root;
	struct mw_rng rng;
	struct mw_rng ends;
	struct mw_sim_spec spec;
	struct mw_sim_series *series;
	uint64_t seed;
	bool ok = true;

	mw_rng_seed(&root, corpus->seed);
	mw_rng_fork(&root, number, &rng);
	mw_rng_fork(&rng, FORK_WINDOWS, &ends);
	seed = mw_rng_u64(&rng);
	mw_sim_spec_draw(seed, &spec);
	mw_sim_spec_unname(seed, corpus->unnamed, &spec);
	if (mw_sim_series_new(&spec, &series) != 0)
		return true;
	if (!taken_for_a_sensor(series) &&
	    series->n_rows / MW_PATCH_ROWS >= series->spec.n_learn / MW_PATCH_ROWS + AFTER_LEARN &&
	    series->spec.n_learn >= MW_WINDOW_ROWS)
		ok = encode_series(corpus, series, number, &ends);
	mw_sim_series_free(series);
	return ok;
}

static bool make_windows(struct corpus *corpus)
{
	uint32_t number = corpus->shard << SERIES_BITS;
	uint32_t end = number + (1u << SERIES_BITS);

	while (corpus->made < corpus->wanted && number < end)
		if (!make_series(corpus, number++))
			return false;
	return corpus->made >= corpus->wanted;
}

/* --- the file --------------------------------------------------------------------------------- */

static void put_u32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static void write_header(FILE *file, const char *magic, uint32_t a, uint64_t seed, uint32_t b)
{
	uint8_t header[HEADER] = {0};

	memcpy(header, magic, 4);
	put_u32(header + 4, a);
	put_u32(header + 8, (uint32_t)seed);
	put_u32(header + 12, (uint32_t)(seed >> 32));
	put_u32(header + 16, b);
	fwrite(header, 1, sizeof(header), file);
}

static void write_array(FILE *file, const void *data, size_t size)
{
	static const uint8_t zeros[8] = {0};

	fwrite(data, 1, size, file);
	fwrite(zeros, 1, (8 - size % 8) % 8, file);
}

/* One member of every label, `size` bytes at `offset`. */
static void write_member(FILE *file, const struct group *group, size_t offset, size_t size)
{
	static const uint8_t zeros[8] = {0};

	for (size_t i = 0; i < group->n; i++)
		fwrite((const char *)&group->label[i] + offset, 1, size, file);
	fwrite(zeros, 1, (8 - group->n * size % 8) % 8, file);
}

#define WRITE_MEMBER(file, group, member)                                                          \
	write_member(file, group, offsetof(struct label, member), sizeof((group)->label[0].member))

static void write_group(FILE *file, const struct group *group, size_t rows)
{
	uint8_t header[HEADER] = {0};

	put_u32(header, (uint32_t)rows);
	put_u32(header + 4, (uint32_t)group->n);
	fwrite(header, 1, sizeof(header), file);
	write_array(file, group->code, group->n * rows * CODES_PER_ROW * sizeof(uint16_t));
	WRITE_MEMBER(file, group, verdict);
	WRITE_MEMBER(file, group, fault);
	WRITE_MEMBER(file, group, severity);
	WRITE_MEMBER(file, group, onset);
	WRITE_MEMBER(file, group, channels);
	write_array(file, group->patch, group->n * rows * MW_WINDOW_PATCHES);
	WRITE_MEMBER(file, group, effect);
	WRITE_MEMBER(file, group, move);
	WRITE_MEMBER(file, group, proof);
	WRITE_MEMBER(file, group, claims);
	WRITE_MEMBER(file, group, event_claims);
	WRITE_MEMBER(file, group, machine);
	WRITE_MEMBER(file, group, series);
}

static bool write_corpus(const struct corpus *corpus, const char *path)
{
	FILE *file = fopen(path, "wb");
	uint32_t groups = 0;
	bool ok;

	if (!file)
		return false;
	for (size_t rows = 0; rows <= MW_PROMPT_MAX_ROWS; rows++)
		groups += corpus->group[rows].n > 0;
	write_header(file, "MWC1", SHARD_VERSION, corpus->seed, groups);
	for (size_t rows = 0; rows <= MW_PROMPT_MAX_ROWS; rows++)
		if (corpus->group[rows].n > 0)
			write_group(file, &corpus->group[rows], rows);
	ok = !ferror(file);
	return fclose(file) == 0 && ok;
}

/* --- command line ----------------------------------------------------------------------------- */

static bool read_number(const char *text, uint64_t most, uint64_t *ret)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-' || value > most)
		return false;
	*ret = value;
	return true;
}

static bool read_share(const char *text, double most, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || value > most)
		return false;
	*ret = value;
	return true;
}

static int usage(void)
{
	fputs("usage: mw-corpus --out FILE --windows N --seed S [--shard K] "
	      "[--hold-out FAULT,FAULT...]\n"
	      "                 [--unnamed SHARE]\n"
	      "       mw-corpus --describe\n",
	      stderr);
	return EX_USAGE;
}

static int make(struct corpus *corpus, const char *path)
{
	int rc = EX_OK;

	if (!make_windows(corpus)) {
		fputs("mw-corpus: out of memory, or of series\n", stderr);
		rc = EX_SOFTWARE;
	} else if (!write_corpus(corpus, path)) {
		fprintf(stderr, "mw-corpus: %s: %s\n", path, strerror(errno));
		rc = EX_IOERR;
	}
	for (size_t rows = 0; rows <= MW_PROMPT_MAX_ROWS; rows++) {
		free(corpus->group[rows].code);
		free(corpus->group[rows].patch);
		free(corpus->group[rows].label);
	}
	return rc;
}

struct arguments {
	const char *path;
	uint64_t windows, seed, shard;
	double unnamed;
	bool has_seed, describe;
	bool held_out[MW_N_FAULT];
};

/* "leak,bias": codes of faults, of a sensor or a process. */
static bool read_faults(const char *text, bool held_out[MW_N_FAULT])
{
	while (*text) {
		size_t length = strcspn(text, ",");
		char code[32];
		int fault;

		if (length == 0 || length >= sizeof(code))
			return false;
		memcpy(code, text, length);
		code[length] = '\0';
		fault = mw_fault_from_code(code);
		if (fault < 0 || (mw_fault_kind_of((enum mw_fault)fault) != MW_KIND_SENSOR &&
				  mw_fault_kind_of((enum mw_fault)fault) != MW_KIND_PROCESS))
			return false;
		held_out[fault] = true;
		text += length + (text[length] == ',');
	}
	return true;
}

/* One option; false: not one, or its value is none. */
static bool take_option(struct arguments *arguments, int option, const char *value)
{
	switch (option) {
	case 'o':
		arguments->path = value;
		return true;
	case 'n':
		return read_number(value, 1u << 24, &arguments->windows);
	case 's':
		arguments->has_seed = true;
		return read_number(value, UINT64_MAX, &arguments->seed);
	case 'k':
		return read_number(value, (1u << (32 - SERIES_BITS)) - 1, &arguments->shard);
	case 'h':
		return read_faults(value, arguments->held_out);
	case 'u':
		return read_share(value, MW_SIM_MAX_UNNAMED, &arguments->unnamed);
	case 'd':
		arguments->describe = true;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, 'o'},      {"windows", required_argument, NULL, 'n'},
	    {"seed", required_argument, NULL, 's'},     {"shard", required_argument, NULL, 'k'},
	    {"hold-out", required_argument, NULL, 'h'}, {"unnamed", required_argument, NULL, 'u'},
	    {"describe", no_argument, NULL, 'd'},       {NULL, 0, NULL, 0},
	};
	struct arguments arguments = {0};
	struct corpus corpus = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(&arguments, option, optarg))
			return usage();
	if (optind != argc)
		return usage();
	if (arguments.describe) {
		describe();
		return EX_OK;
	}
	if (!arguments.path || arguments.windows == 0 || !arguments.has_seed)
		return usage();
	corpus.seed = arguments.seed;
	corpus.shard = (uint32_t)arguments.shard;
	corpus.wanted = arguments.windows;
	corpus.unnamed = arguments.unnamed;
	memcpy(corpus.held_out, arguments.held_out, sizeof(corpus.held_out));
	corpus.held_out[MW_FAULT_UNKNOWN] = true;
	return make(&corpus, arguments.path);
}
