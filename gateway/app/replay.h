/* replay.h -- the inside of `millwright replay`, shared by cmd_replay.c and replay_*.c. */
#ifndef MW_APP_REPLAY_H
#define MW_APP_REPLAY_H

#include "gateway/app/csv_long.h"
#include "gateway/app/fleet.h"
#include "gateway/core/lookout.h"
#include "gateway/core/similar.h"

#include <stdio.h>

#define REPLAY_MAX_LEARN_FILES 1024
#define REPLAY_MAX_EXPLAIN     64
#define REPLAY_LEARN_ROWS      400  /* of a file that begins healthy */
#define REPLAY_LEARN_FROM_ROWS 2048 /* of separate recordings */

/* One window's outcome, kept until the table is written. */
struct scored {
	int64_t end_ns;
	bool learnt; /* a learn window: its judgement is known only after calibration */
	struct mw_judgement judgement;
	enum mw_verdict verdict;
	enum mw_fault fault;
	int channel;
};

/* What is looked at: as rows for the asset, as events for the timeline. */
struct replay_data {
	struct mw_csv *rows;
	struct mw_recording events; /* channels by replay_channel */
};

/* A time to explain, and what the asset knew then. */
struct replay_moment {
	int64_t time_ns;
	const char *text; /* as asked for */
	bool taken;
	enum mw_verdict verdict; /* of the newest window; UNKNOWN before the first */
	double p_value;
	bool has_event;
	struct mw_event event;                            /* the alarm that stands */
	struct mw_cause_channel finding[MW_MAX_CHANNELS]; /* by replay channel, as is view */
	struct mw_cause_view view[MW_MAX_CHANNELS];
	int64_t patch_ns;
};

/* An event raised earlier, to compare with. */
struct raised {
	struct mw_similar as; /* but for the similarity */
	struct mw_embedding embedding;
};

struct replay {
	const char *csv_path, *scores_path, *evidence_path, *events_path;
	const char *model_path, *explainer_path, *faults_path, *profile_path, *kernels, *name;
	const char *long_columns; /* "time,channel,value"; NULL: a wide table */
	struct mw_csv_opts csv_opts;
	struct mw_asset_opts asset_opts;
	int64_t learn_input_rows; /* -1 = the default */
	double learn_s;           /* instead, in seconds; 0 = in rows */
	bool quiet, json, with_windows;
	size_t n_learn_file, n_moment;
	const char *learn_file[REPLAY_MAX_LEARN_FILES];
	struct replay_moment *moment; /* in order of time */

	char *long_names; /* what the set lends */
	struct mw_long *set;
	struct replay_data main;
	struct replay_data learn[REPLAY_MAX_LEARN_FILES];
	int64_t learn_from_rows; /* of the learn files, that the asset learns */
	int64_t shift_ns;    /* of the asset's clock, so that no time is before 1970; whole days */
	int64_t learn_to_ns; /* of the main file: its healthy beginning ends before this time */
	size_t n_channels;
	char (*channel)[MW_NAME_SIZE]; /* of all files */
	struct mw_profile *profile;

	struct mw_inference *inference;
	struct mw_text_model *explainer; /* NULL: none */
	struct mw_fault_library *library;
	struct mw_fleet *fleet;
	struct mw_asset *asset;
	struct scored *scored;
	size_t n_scored, capacity;
	enum mw_fault active_fault; /* of the alarm that stands now */
	size_t n_events;
	struct raised
	    *raised; /* MW_SIMILAR_COMPARED of them, round and round; NULL before the first */
	size_t n_raised;
	FILE *events;
	char why[512];
};

/* replay_load.c: files, profile, model.  All return a reason in r->why. */
MW_MUST_CHECK mw_err replay_load(struct replay *r);
int replay_channel(const struct replay *r, const char *name); /* -1 = none */
void replay_release(struct replay *r);
int64_t replay_slot(int64_t time_ns, int64_t period_ns);

/* replay_feed.c: everything through the fleet. */
MW_MUST_CHECK mw_err replay_feed(struct replay *r);

/* replay_tables.c */
MW_MUST_CHECK mw_err replay_write_tables(struct replay *r);
void replay_summarise(const struct replay *r, int64_t wall_ns);

/* replay_moment.c: what the asset knows when a moment to explain has come. */
void replay_take_moments(struct replay *r, int64_t before_ns);

/* replay_causes.c: symptoms and ranked causes at a moment. */
struct replay_ranking {
	struct mw_ranking of;
	size_t n_belief;
	struct mw_fault_belief belief[MW_CAUSES_FAULTS];
};
struct replay_causes;
/* Learns the normal timeline from the learn files and the healthy beginning. */
MW_MUST_CHECK mw_err replay_causes_new(struct replay *r, struct replay_causes **ret_causes);
void replay_causes_free(struct replay_causes *causes);
void replay_causes_rank(struct replay_causes *causes, const struct replay_moment *moment,
			struct replay_ranking *ret_ranking);

/* replay_report.c: the moments for people or for programs, on standard output. */
MW_MUST_CHECK mw_err replay_report(struct replay *r);

#endif
