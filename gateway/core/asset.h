/*
 * asset.h -- one machine: from its samples to verdicts and events.
 *
 *     samples -> rows -> learning (baseline, then calibration of the score) -> watching
 *
 * The model is not called here: mw_asset_next hands out the prompt of the next window, the caller
 * has the engine read it (windows of many machines in one batch) and gives the reading back.  So
 * this is the same code live, in replay and in tests.  Pure; one thread; deterministic.
 *
 *     while (mw_asset_next(asset, &prompt)) {
 *             read prompt -> reading
 *             mw_asset_take(asset, &reading, &outcome);
 *             if (outcome.action == MW_ALARM_RAISE || outcome.action == MW_ALARM_UPDATE)
 *                     let the model answer -> mw_asset_describe, _explain
 *     }
 */
#ifndef MW_CORE_ASSET_H
#define MW_CORE_ASSET_H

#include "gateway/core/alarm.h"
#include "gateway/core/answer.h"
#include "gateway/core/assembler.h"
#include "gateway/core/explain.h"
#include "gateway/core/judge.h"
#include "gateway/core/profile.h"
#include "gateway/core/words.h"

#define MW_LEARN_ROWS_MIN 160 /* a window and enough patches after it to calibrate on */

struct mw_asset;

struct mw_asset_opts {
	const char *name; /* copied */
	enum mw_machine machine;
	struct mw_assembler_opts assembler;
	int64_t learn_rows; /* >= MW_LEARN_ROWS_MIN */
	enum mw_language language;
	struct mw_alarm_opts alarm;
	const char *model;                /* name for events; copied */
	const struct mw_profile *profile; /* borrowed for the asset's life; NULL = none */
};

enum mw_asset_phase { MW_PHASE_LEARNING, MW_PHASE_CALIBRATING, MW_PHASE_WATCHING };
const char *mw_asset_phase_text(enum mw_asset_phase phase);

/* What one window came to. */
struct mw_outcome {
	enum mw_asset_phase phase; /* CALIBRATING: a learn window; only window_end is set */
	bool learnt;               /* this window ended the calibration: watching begins */
	int64_t window_end_ns;     /* time of the window's last row */
	uint64_t window_end_row;   /* its number since the first row, from 0 */
	struct mw_judgement judgement;
	enum mw_verdict verdict;
	int channel; /* the channel that deviates most, -1 = none */
	enum mw_alarm_action action;
};

MW_MUST_CHECK mw_err mw_asset_new(const struct mw_asset_opts *opts, struct mw_asset **ret_asset);
void mw_asset_free(struct mw_asset *asset);

/* Says what is known of a channel beforehand; role OTHER = guessed from name and unit. */
int mw_asset_channel(struct mw_asset *asset, const char *name, const char *unit, enum mw_role role);
/* One sample; now_ns judges the future. */
enum mw_sample_fate mw_asset_push(struct mw_asset *asset, struct mw_str channel, int64_t time_ns,
				  double value, uint32_t quality, int64_t now_ns);
/* No more samples: rows still waiting for late ones become ready. */
void mw_asset_flush(struct mw_asset *asset);

/* Advances to the next window that must be read; false: it needs more samples.  After true,
 * mw_asset_take must follow before the next call. */
bool mw_asset_next(struct mw_asset *asset, struct mw_prompt *ret_prompt);
void mw_asset_take(struct mw_asset *asset, const struct mw_reading *reading,
		   struct mw_outcome *ret_outcome);

/* The limits of an answer to the present window: channels that deviate, verdicts that fit. */
void mw_asset_limits(const struct mw_asset *asset, const struct mw_outcome *outcome,
		     struct mw_answer_limits *ret_limits);
/* Makes (or updates) the asset's event from the outcome and the model's answer (NULL: there is none),
 * with its window; all but the words.  false: out of memory. */
bool mw_asset_describe(struct mw_asset *asset, const struct mw_outcome *outcome,
		       const struct mw_answer *answer, struct mw_event_window *ret_window);
/* The answer as the event came to say it: a name that is not sure is unknown, a channel that shows
 * nothing is left out. */
void mw_asset_retell(const struct mw_asset *asset, struct mw_answer *answer);
/* The options with what the machine's own profile says of the event's fault. */
struct mw_explain_opts mw_asset_explain_opts(const struct mw_asset *asset,
					     const struct mw_explain_opts *opts);
/* Words the event: with the model's words; fixed sentences where these are none (form SHORT), and
 * where no model answered (NULL: form TEMPLATE). */
void mw_asset_explain(struct mw_asset *asset, const struct mw_fault_library *library,
		      const struct mw_explain_opts *opts, const struct mw_words *words);
/* The operator's word on the present alarm (alarm.h), in asset_operator.c: event and alarm go on to the
 * next transition, dated by the last row.  A shelf ends when the data are for_ns further.  MW_E_INVAL: the
 * state does not allow it, or there never was an event. */
MW_MUST_CHECK mw_err mw_asset_ack(struct mw_asset *asset);
MW_MUST_CHECK mw_err mw_asset_shelve(struct mw_asset *asset, int64_t for_ns);
MW_MUST_CHECK mw_err mw_asset_unshelve(struct mw_asset *asset);
/* Is this the event that the alarm is about?  An older one is history. */
bool mw_asset_holds(const struct mw_asset *asset, const char *event);

/* Says in the event's model who worded it, if not the judge (NULL: the judge). */
void mw_asset_told_by(struct mw_asset *asset, const char *teller);
/* What earlier events the present one looks like, for whoever keeps them (similar.h). */
void mw_asset_seen_before(struct mw_asset *asset, const struct mw_similar_list *similar);
/* The present (or, after a clear, last) event, up to date with the last outcome; NULL before the
 * first. Lent until the next call on the asset. */
const struct mw_event *mw_asset_event(const struct mw_asset *asset);

const char *mw_asset_name(const struct mw_asset *asset);
enum mw_machine mw_asset_machine(const struct mw_asset *asset);
enum mw_language mw_asset_language(const struct mw_asset *asset);
enum mw_asset_phase mw_asset_phase(const struct mw_asset *asset);
const struct mw_assembler *mw_asset_assembler(const struct mw_asset *asset);
const struct mw_baseline *mw_asset_baseline(const struct mw_asset *asset); /* NULL while learning */
const struct mw_evidence *mw_asset_evidence(const struct mw_asset *asset); /* NULL while learning */
const struct mw_judge *mw_asset_judge(const struct mw_asset *asset);
/* The model's log-odds that the channel is faulty just now; -INFINITY: it did not read it. */
double mw_asset_suspicion(const struct mw_asset *asset, size_t channel);
const struct mw_alarm *mw_asset_alarm(const struct mw_asset *asset);
enum mw_role mw_asset_role(const struct mw_asset *asset, size_t channel);
/* What the profile says of a channel once learning has ended, lent; NULL: nothing. */
const struct mw_profile_channel *mw_asset_profile_channel(const struct mw_asset *asset,
							  size_t channel);
int64_t mw_asset_rows(const struct mw_asset *asset); /* rows taken so far */
int64_t mw_asset_learn_rows(const struct mw_asset *asset);
int64_t mw_asset_last_row_ns(const struct mw_asset *asset); /* 0 = none yet */
/* Of the last window watched since the start; NULL before the first. */
const struct mw_outcome *mw_asset_outcome(const struct mw_asset *asset);

/* Exact state for the store; a restored asset continues bit for bit.  Unpack trusts nothing
 * (MW_E_CORRUPT); name, machine and options come from opts. */
MW_MUST_CHECK mw_err mw_asset_pack(const struct mw_asset *asset, uint8_t **ret_data,
				   size_t *ret_size);
MW_MUST_CHECK mw_err mw_asset_unpack(const struct mw_asset_opts *opts, const uint8_t *data,
				     size_t size, struct mw_asset **ret_asset);

#endif
