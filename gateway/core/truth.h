/*
 * truth.h -- what is true of a window of a simulated machine: the labels of schemas/corpus.md, for
 * training and for measuring the model.
 *
 * A fault shows in a patch on a channel when its effect is at least MW_TRUTH_VISIBLE noise units
 * there
 * -- also after its end, while the machine recovers.  Pure; one thread.
 */
#ifndef MW_CORE_TRUTH_H
#define MW_CORE_TRUTH_H

#include "gateway/core/prompt.h"
#include "model/corpus/sim.h"

#define MW_TRUTH_VISIBLE      MW_SIM_VISIBLE /* noise units */
#define MW_TRUTH_NAMED_SHARE  0.15f /* of the largest effect: a weaker channel is not named */
#define MW_TRUTH_CHANNELS     4
#define MW_TRUTH_NO_CHANNEL   0xFF
#define MW_TRUTH_ONSET_BEFORE 16
#define MW_TRUTH_ONSET_NONE   17

struct mw_truth;

struct mw_window_truth {
	enum mw_verdict
	    verdict;         /* fault: one shows in any patch; operation: one shows, and no fault */
	enum mw_fault fault; /* of the first patch that shows one; the latest operation */
	unsigned severity;   /* 0 none, 1..3 by effect: < 4, 4..8, > 8 noise units */
	unsigned onset;      /* patch, MW_TRUTH_ONSET_BEFORE, MW_TRUTH_ONSET_NONE */
	uint8_t row[MW_TRUTH_CHANNELS];         /* rows of the prompt, by cause, then by effect */
	int move[MW_TRUTH_CHANNELS];            /* as mw_evidence_finding says */
	uint32_t claims[MW_TRUTH_CHANNELS];     /* what may be said of them (claim.h) */
	unsigned event_claims;                  /* of the others: bits by enum mw_event_claim */
	enum mw_proof proof[MW_TRUTH_CHANNELS]; /* of each named channel, in the patches that show
						   it (model/corpus/proof.h) */
	float effect;                           /* largest in the window, noise units */
	uint8_t patch[MW_PROMPT_MAX_ROWS]
		     [MW_WINDOW_PATCHES]; /* 1: a fault shows; row 0: on any channel */
};

/* 0 invisible, 1..3 by effect: < 4, 4..8, > 8 noise units. */
unsigned mw_truth_severity(float effect);

/* Borrows the series.  Returns owned. */
MW_MUST_CHECK mw_err mw_truth_new(const struct mw_sim_series *series, struct mw_truth **ret_truth);
void mw_truth_free(struct mw_truth *truth);

/* The window that `evidence` shows and `prompt` encodes, fed with the series' rows from the first
 * on. Needs mw_evidence_window_ready. */
void mw_truth_window(const struct mw_truth *truth, const struct mw_evidence *evidence,
		     const struct mw_prompt *prompt, struct mw_window_truth *ret);

#endif
