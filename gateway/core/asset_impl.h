/* asset_impl.h -- the inside of struct mw_asset, shared by asset.c, asset_event.c and
 * asset_state.c. */
#ifndef MW_CORE_ASSET_IMPL_H
#define MW_CORE_ASSET_IMPL_H

#include "gateway/core/asset.h"
#include "gateway/core/embedding.h"
#include "gateway/core/lookout.h"

struct mw_asset {
	struct mw_asset_opts opts; /* strings point into the arrays below */
	char name[MW_NAME_SIZE];
	char model[64];
	struct mw_assembler *assembler;
	/* enum mw_role, given beforehand; OTHER = guess when learning ends */
	uint8_t role[MW_MAX_CHANNELS];
	struct mw_machine_info info;
	enum mw_asset_phase phase;
	int64_t rows; /* rows taken */

	/* LEARNING: values of the rows so far, row-major with a stride that grows with the
	 * channels. */
	double *learn;
	size_t learn_stride;
	int64_t *learn_time;
	/* CALIBRATING: rows fed back so far, and every how many windows one is kept. */
	size_t fed, keep_every, calibration_window;

	struct mw_baseline *baseline;
	struct mw_evidence *evidence;
	struct mw_judge judge;
	struct mw_alarm alarm;
	int64_t last_row_ns;
	int64_t silent_rows; /* since any channel was heard */
	uint32_t
	    n_prompt_rows; /* of the last window's prompt, and the channel that each row shows */
	uint8_t prompt_channel[MW_PROMPT_MAX_CHANNELS];
	uint32_t suspects; /* bit i: the model holds channel row i+1 for faulty just now */
	float suspicion[MW_PROMPT_MAX_CHANNELS]; /* log-odds of each channel row just now */
	struct mw_lookout *lookout;              /* NULL while learning */
	struct mw_event *event;                  /* the present or last one */
	struct mw_embedding_center center;
	struct mw_embedding *embedding; /* of the present window, if it raises; or NULL */
	struct mw_outcome watched;      /* of the last window watched; not saved */
};

/* Machine and profiles of the prompt, by the channels' names. */
void asset_find_profiles(struct mw_asset *asset);

/* Brings the event up to date with the outcome (score, state, times); nothing without an event. */
void asset_fill_event(struct mw_asset *asset, const struct mw_outcome *outcome);

/* asset_causes.c.  false: out of memory. */
bool asset_make_lookout(struct mw_asset *asset);
void asset_learn_lookout(struct mw_asset *asset); /* from the learn rows */
void asset_follow(struct mw_asset *asset, int64_t time_ns, const double *value, size_t n);
/* Of an event that is described: is it one of the site's own faults, given where it begins?  Then
 * what is behind it; then the words of that, when the others are made. */
void asset_match_site(struct mw_asset *asset, size_t onset_patch, bool onset_before);
/* Channels whose own level is plainly off just now. */
size_t asset_n_off(const struct mw_asset *asset);
void asset_rank_causes(struct mw_asset *asset);
void asset_phrase_causes(struct mw_asset *asset, const struct mw_fault_library *library);
struct mw_explain_opts asset_with_site(const struct mw_asset *asset, struct mw_explain_opts opts);

/* 1 low, 2 medium, 3 high by the strength of the suspected channel, in healthy spreads: <= 4, <= 8,
 * more (the same steps as the corpus' labels, schemas/corpus.md). */
unsigned asset_severity(double strength);

#endif
