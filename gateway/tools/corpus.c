/*
 * mw-corpus -- training shards of schemas/corpus.md: simulated machines, learnt and encoded by the
 * gateway's own code, with exact labels.
 *
 *     mw-corpus --out FILE --windows N --seed S [--shard K]
 *     mw-corpus --describe
 *
 * Windows are kept in memory until their groups can be written: about 0.4 kB per row of a window.
 * Equal arguments give equal bytes.
 */
#include "gateway/core/prompt.h"
#include "model/corpus/rng.h"
#include "model/corpus/sim.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define VISIBLE       0.5f  /* noise units */
#define NAMED_SHARE   0.15f /* of the largest effect: a weaker channel is not named */
#define NAMED         4     /* channels of an answer */
#define NO_CHANNEL    0xFF
#define ONSET_BEFORE  16
#define ONSET_NONE    17
#define MIN_WINDOWS   4 /* per series */
#define MAX_WINDOWS   8
#define AFTER_LEARN   2 /* patches between the learn segment and the first window's end */
#define CODES_PER_ROW ((size_t)MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS)
#define HEADER        64
#define SERIES_BITS   20 /* of a series' number; the shard's number lies above */
#define HIDE_MACHINE  0.2
#define HIDE_ROLES    0.2
#define FORK_WINDOWS  1u

struct label {
	uint8_t verdict, fault, severity, onset;
	uint8_t channels[NAMED];
	int8_t move[NAMED];
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
	struct group group[MW_PROMPT_MAX_ROWS + 1]; /* by row count */
};

/* One series while it is encoded. */
struct scene {
	const struct mw_sim_series *series;
	struct mw_machine_info info;
	uint32_t number;
	struct mw_evidence *evidence;
	size_t n_patches;
	uint8_t *visible; /* [n_patches][n_channels]: a fault's effect can be seen */
	int *fault;       /* [n_patches] the injection that acts or acted last, -1: none yet */
};

/* --- labels
 * --------------------------------------------------------------------------------------- */

static float patch_effect(const struct scene *scene, size_t patch, size_t channel)
{
	const struct mw_sim_series *series = scene->series;
	float largest = 0;

	for (size_t t = patch * MW_PATCH_ROWS; t < (patch + 1) * MW_PATCH_ROWS; t++)
		largest = fmaxf(largest, series->effect[t * series->n_channels + channel]);
	return largest;
}

static bool patch_shows(const struct scene *scene, size_t patch)
{
	size_t n = scene->series->n_channels;

	return memchr(scene->visible + patch * n, 1, n) != NULL;
}

static void mark_visible(struct scene *scene)
{
	const struct mw_sim_series *series = scene->series;
	int last = -1;

	for (size_t p = 0; p < scene->n_patches; p++) {
		for (size_t t = p * MW_PATCH_ROWS; t < (p + 1) * MW_PATCH_ROWS; t++)
			last = series->fault_at[t] >= 0 ? series->fault_at[t] : last;
		scene->fault[p] = last;
		for (size_t c = 0; c < series->n_channels; c++)
			scene->visible[p * series->n_channels + c] =
			    last >= 0 && patch_effect(scene, p, c) >= VISIBLE;
	}
}

/* Place of a channel in the causal order of an injection; those not in it come last. */
static size_t causal_place(const struct mw_sim_series *series, int injection, size_t channel)
{
	size_t n = series->n_cause[injection];

	for (size_t i = 0; i < n; i++)
		if (series->cause_order[injection][i] == channel)
			return i;
	return n;
}

struct candidate {
	uint8_t row;
	uint8_t channel;
	size_t place;
	float effect;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (x->effect != y->effect)
		return x->effect > y->effect ? -1 : 1;
	return (int)x->row - (int)y->row;
}

static float window_effect(const struct scene *scene, size_t first, size_t channel)
{
	float largest = 0;

	for (size_t p = first; p < first + MW_WINDOW_PATCHES; p++)
		if (scene->visible[p * scene->series->n_channels + channel])
			largest = fmaxf(largest, patch_effect(scene, p, channel));
	return largest;
}

static void name_channels(const struct scene *scene, const struct mw_prompt *prompt, size_t first,
			  int injection, struct label *label)
{
	struct candidate candidate[MW_PROMPT_MAX_CHANNELS];
	size_t onset = label->onset == ONSET_BEFORE ? 0 : label->onset;
	size_t n = 0;

	for (uint32_t row = 1; row < prompt->n_rows; row++) {
		uint8_t channel = prompt->channel[row - 1];
		float effect = window_effect(scene, first, channel);

		if (effect >= VISIBLE && effect >= NAMED_SHARE * label->effect)
			candidate[n++] = (struct candidate){
			    (uint8_t)row, channel, causal_place(scene->series, injection, channel),
			    effect};
	}
	qsort(candidate, n, sizeof(candidate[0]), compare_candidates);
	for (size_t i = 0; i < n && i < NAMED; i++) {
		struct mw_channel_finding finding;

		mw_evidence_finding(scene->evidence, candidate[i].channel, onset, &finding);
		label->channels[i] = candidate[i].row;
		label->move[i] = (int8_t)finding.move;
	}
}

static uint8_t severity_of(float effect)
{
	if (effect > 8)
		return 3;
	return effect >= 4 ? 2 : 1;
}

/* The operation that acts in the window, -1: none. */
static int operation_in(const struct scene *scene, size_t first)
{
	size_t to = (first + MW_WINDOW_PATCHES) * MW_PATCH_ROWS;

	for (size_t t = to; t-- > first * MW_PATCH_ROWS;)
		if (scene->series->operation_at[t] >= 0)
			return scene->series->operation_at[t];
	return -1;
}

static void label_operation(const struct scene *scene, size_t first, struct label *label)
{
	int operation = operation_in(scene, first);

	if (operation < 0)
		return;
	label->verdict = MW_VERDICT_OPERATION;
	label->fault = (uint8_t)scene->series->spec.injection[operation].fault;
}

static void label_window(const struct scene *scene, const struct mw_prompt *prompt, size_t first,
			 struct label *label)
{
	size_t onset = 0;
	int injection;

	memset(label, 0, sizeof(*label));
	memset(label->channels, NO_CHANNEL, sizeof(label->channels));
	label->onset = ONSET_NONE;
	label->machine = (uint8_t)scene->series->spec.machine;
	label->series = scene->number;
	while (onset < MW_WINDOW_PATCHES && !patch_shows(scene, first + onset))
		onset++;
	if (onset == MW_WINDOW_PATCHES) {
		label_operation(scene, first, label);
		return;
	}
	injection = scene->fault[first + onset];
	for (size_t c = 0; c < scene->series->n_channels; c++)
		label->effect = fmaxf(label->effect, window_effect(scene, first, c));
	label->verdict = MW_VERDICT_FAULT;
	label->fault = (uint8_t)scene->series->spec.injection[injection].fault;
	label->severity = severity_of(label->effect);
	label->onset = (uint8_t)onset;
	if (onset == 0 && first > 0 && patch_shows(scene, first - 1))
		label->onset = ONSET_BEFORE;
	name_channels(scene, prompt, first, injection, label);
}

static void label_patches(const struct scene *scene, const struct mw_prompt *prompt, size_t first,
			  uint8_t *ret_patch)
{
	size_t n = scene->series->n_channels;

	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		ret_patch[p] = patch_shows(scene, first + p);
		for (uint32_t row = 1; row < prompt->n_rows; row++)
			ret_patch[row * MW_WINDOW_PATCHES + p] =
			    scene->visible[(first + p) * n + prompt->channel[row - 1]];
	}
}

/* --- windows
 * -------------------------------------------------------------------------------------- */

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

static bool add_window(struct corpus *corpus, const struct scene *scene, size_t end)
{
	size_t first = end - MW_WINDOW_PATCHES;
	struct mw_prompt prompt;
	struct group *group;
	size_t rows;

	mw_prompt_encode(scene->evidence, &scene->info, MW_LANGUAGE_EN, &prompt);
	rows = prompt.n_rows;
	group = &corpus->group[rows];
	if (group->n == group->room && !grow(group, rows))
		return false;
	memcpy(group->code + group->n * rows * CODES_PER_ROW, prompt.code,
	       rows * CODES_PER_ROW * sizeof(prompt.code[0]));
	label_window(scene, &prompt, first, &group->label[group->n]);
	label_patches(scene, &prompt, first, group->patch + group->n * rows * MW_WINDOW_PATCHES);
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
static void draw_ends(const struct scene *scene, struct mw_rng *rng, uint8_t *ret_take)
{
	size_t n = MIN_WINDOWS + mw_rng_below(rng, MAX_WINDOWS - MIN_WINDOWS + 1);

	memset(ret_take, 0, scene->n_patches + 1);
	for (size_t i = 0; i < n; i++)
		ret_take[draw_end(scene, rng)] = 1;
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
}

static bool run_series(struct corpus *corpus, struct scene *scene, const uint8_t *take)
{
	const struct mw_sim_series *series = scene->series;

	for (size_t t = 0; t < scene->n_patches * MW_PATCH_ROWS; t++) {
		const double *value = series->value + t * series->n_channels;
		int64_t time = (int64_t)t;

		if (t < series->spec.n_learn)
			mw_evidence_push_learn(scene->evidence, t, time, value);
		else
			mw_evidence_push(scene->evidence, time, value);
		if ((t + 1) % MW_PATCH_ROWS == 0 && take[(t + 1) / MW_PATCH_ROWS] &&
		    !add_window(corpus, scene, (t + 1) / MW_PATCH_ROWS))
			return false;
	}
	return true;
}

static bool encode_series(struct corpus *corpus, const struct mw_sim_series *series,
			  uint32_t number, struct mw_rng *rng)
{
	struct scene scene = {.series = series, .number = number};
	struct mw_baseline *baseline = NULL;
	uint8_t *take;
	bool ok = false;

	scene.n_patches = series->n_rows / MW_PATCH_ROWS;
	scene.visible = calloc(scene.n_patches, series->n_channels);
	scene.fault = calloc(scene.n_patches, sizeof(*scene.fault));
	take = malloc(scene.n_patches + 1);
	if (scene.visible && scene.fault && take &&
	    mw_baseline_fit(series->value, series->spec.n_learn, series->n_channels, &baseline) ==
		MW_E_OK &&
	    mw_evidence_new(baseline, &scene.evidence) == MW_E_OK) {
		mark_visible(&scene);
		draw_info(&scene, rng);
		draw_ends(&scene, rng, take);
		ok = run_series(corpus, &scene, take);
	}
	mw_evidence_free(scene.evidence);
	mw_baseline_free(baseline);
	free(take);
	free(scene.fault);
	free(scene.visible);
	return ok;
}

/* Too short for a window after learning, or refused by the simulator: the next number is tried. */
static bool make_series(struct corpus *corpus, uint32_t number)
{
	struct mw_rng root;
	struct mw_rng rng;
	struct mw_rng ends;
	struct mw_sim_spec spec;
	struct mw_sim_series *series;
	bool ok = true;

	mw_rng_seed(&root, corpus->seed);
	mw_rng_fork(&root, number, &rng);
	mw_rng_fork(&rng, FORK_WINDOWS, &ends);
	mw_sim_spec_draw(mw_rng_u64(&rng), &spec);
	if (mw_sim_series_new(&spec, &series) != 0)
		return true;
	if (series->n_rows / MW_PATCH_ROWS >= series->spec.n_learn / MW_PATCH_ROWS + AFTER_LEARN &&
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

/* --- the file
 * ------------------------------------------------------------------------------------- */

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
	write_header(file, "MWC1", 1, corpus->seed, groups);
	for (size_t rows = 0; rows <= MW_PROMPT_MAX_ROWS; rows++)
		if (corpus->group[rows].n > 0)
			write_group(file, &corpus->group[rows], rows);
	ok = !ferror(file);
	return fclose(file) == 0 && ok;
}

/* --- describe
 * ------------------------------------------------------------------------------------- */

static void print_names(const char *key)
{
	char name[MW_TOKEN_NAME_SIZE];

	printf("\"%s\": [", key);
	for (unsigned code = 0; code < MW_CODE_END; code++) {
		mw_prompt_token_name(code, name);
		printf("%s\n  \"%s\"", code ? "," : "", name);
	}
	printf("\n]");
}

static void print_tables(void)
{
	const struct mw_prompt_table *table = mw_prompt_tables();

	printf("\"tables\": {");
	for (size_t i = 0; i < MW_PROMPT_N_TABLE; i++)
		printf("%s\n  \"%s\": %u", i ? "," : "", table[i].name, table[i].first);
	printf("\n},\n\"table_sizes\": {");
	for (size_t i = 0; i < MW_PROMPT_N_TABLE; i++)
		printf("%s\n  \"%s\": %u", i ? "," : "", table[i].name, table[i].size);
	printf("\n}");
}

static void print_faults(void)
{
	static const char *const kind[] = {"none", "sensor", "process", "operation"};

	printf("\"faults\": [");
	for (int f = 0; f < MW_N_FAULT; f++)
		printf("%s\n  {\"code\": \"%s\", \"kind\": \"%s\"}", f ? "," : "",
		       mw_fault_code((enum mw_fault)f), kind[mw_fault_kind_of((enum mw_fault)f)]);
	printf("\n]");
}

static void describe(void)
{
	printf("{\n\"version\": %d,\n\"slots\": %d,\n\"row_length\": %d,\n\"first_patch\": %d,\n"
	       "\"max_channels\": %d,\n\"bins\": %d,\n\"n_codes\": %d,\n",
	       MW_PROMPT_VERSION, MW_PROMPT_SLOTS, MW_PROMPT_ROW_LEN, MW_PROMPT_FIRST_PATCH,
	       MW_PROMPT_MAX_CHANNELS, MW_CODE_BINS, MW_CODE_END);
	print_tables();
	printf(",\n");
	print_faults();
	printf(",\n");
	print_names("names");
	printf("\n}\n");
}

/* --- command line
 * --------------------------------------------------------------------------------- */

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

static int usage(void)
{
	fputs("usage: mw-corpus --out FILE --windows N --seed S [--shard K]\n"
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"out", required_argument, NULL, 'o'},  {"windows", required_argument, NULL, 'n'},
	    {"seed", required_argument, NULL, 's'}, {"shard", required_argument, NULL, 'k'},
	    {"describe", no_argument, NULL, 'd'},   {NULL, 0, NULL, 0},
	};
	struct corpus corpus = {0};
	const char *path = NULL;
	uint64_t windows = 0;
	uint64_t shard = 0;
	bool ok = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			path = optarg;
			break;
		case 'n':
			ok = ok && read_number(optarg, 1u << 24, &windows);
			break;
		case 's':
			ok = ok && read_number(optarg, UINT64_MAX, &corpus.seed);
			break;
		case 'k':
			ok = ok && read_number(optarg, (1u << (32 - SERIES_BITS)) - 1, &shard);
			break;
		case 'd':
			describe();
			return EX_OK;
		default:
			return usage();
		}
	}
	if (!ok || !path || windows == 0 || optind != argc)
		return usage();
	corpus.wanted = windows;
	corpus.shard = (uint32_t)shard;
	return make(&corpus, path);
}
