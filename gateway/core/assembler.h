/*
 * assembler.h -- samples of one asset, in any order and at any rate, become aligned rows in event
 * time.
 *
 * The period is given, or detected from the first samples (robust median of the steps of the
 * fastest channel); what arrives before it is known is kept and takes part.  Rows are multiples of
 * the period; a detected grid is shifted so that jitter does not move samples from row to row.  A
 * row is ready when the watermark -- the newest sample time seen minus the lateness -- has passed
 * its end; a sample for a ready row is late.  Channels appear by themselves until the set is frozen
 * (when the baseline is fitted).  The value of a row is the mean of the samples that fall in it;
 * with none it is NaN, unless the channel is slower than the rows (then its last value is held
 * until its next one is due) or reports by exception (its steps are irregular, or too few to tell:
 * held for hold_ns); how a channel reports is learnt until the set is frozen. When only late
 * samples arrive, about 16 rows of them, the source's clock has
 * stepped back: what is there becomes ready and, once it was popped, the grid starts anew at the
 * new time. Rows do not depend on the order in which samples in time arrive, nor on when rows are
 * popped. Nothing is dropped silently: every sample has a fate, and fates are counted.
 *
 * Pure: no clock but the times handed in.  One thread.
 */
#ifndef MW_CORE_ASSEMBLER_H
#define MW_CORE_ASSEMBLER_H

#include "gateway/core/event.h"
#include "gateway/core/row.h"

struct mw_assembler;

struct mw_assembler_opts {
	int64_t period_ns;    /* 0 = detect */
	int64_t lateness_ns;  /* 0 = 2 periods */
	int64_t hold_ns;      /* 0 = for ever (report by exception) */
	int64_t future_ns;    /* refuse samples further ahead of now_ns; 0 = never */
	int64_t max_gap_rows; /* a longer silence restarts the grid after the gap; 0 = 10000 */
};

#define MW_VALUE_MAX        1e300 /* of a sample; further out it is no reading */
#define MW_MAX_OPEN_SAMPLES 65536 /* of rows not ready yet; past it cells fold into means */
#define MW_MAX_DETECT       4096  /* samples kept while the period is unknown */
#define MW_MAX_LATE_ROWS    512   /* a longer lateness is cut to so many periods */

enum mw_sample_fate {
	MW_FATE_TAKEN,
	MW_FATE_LATE,
	MW_FATE_FUTURE,
	MW_FATE_DUPLICATE,
	MW_FATE_FULL,
	MW_FATE_BAD /* quality bad; not finite or past MW_VALUE_MAX; no proper name */,
	MW_FATE_UNKNOWN_CHANNEL,
	MW_N_FATE
};
const char *mw_fate_text(enum mw_sample_fate fate);

MW_MUST_CHECK mw_err mw_assembler_new(const struct mw_assembler_opts *opts,
				      struct mw_assembler **ret_assembler);
void mw_assembler_free(struct mw_assembler *assembler);

/* Registers a channel beforehand (configured, or restored), or finds it (an empty unit is then
 * filled in); returns its index, or -1: full, or the name is empty, too long, not UTF-8, or holds
 * control characters. */
int mw_assembler_channel(struct mw_assembler *assembler, const char *name, const char *unit);
void mw_assembler_freeze(struct mw_assembler *assembler); /* no new channels from now on */

/* One sample.  MW_FATE_FULL: no room for another channel, or (nobody pops) for another sample.
 * `now_ns`: the wall clock or arrival time, only to judge the future. */
enum mw_sample_fate mw_assembler_push(struct mw_assembler *assembler, struct mw_str channel,
				      int64_t time_ns, double value, uint32_t quality,
				      int64_t now_ns);
/* The next ready row, oldest first.  false: none.  Values are lent until the next call. */
bool mw_assembler_pop(struct mw_assembler *assembler, struct mw_row *ret_row);
/* Ends the stream (or a silence): every row up to the newest sample becomes ready. */
void mw_assembler_flush(struct mw_assembler *assembler);

size_t mw_assembler_n_channels(const struct mw_assembler *assembler);
const char *mw_assembler_name(const struct mw_assembler *assembler, size_t channel);
const char *mw_assembler_unit(const struct mw_assembler *assembler, size_t channel);
int64_t mw_assembler_period(const struct mw_assembler *assembler); /* 0 = not known yet */
int64_t
mw_assembler_newest(const struct mw_assembler *assembler); /* newest sample time, 0 = none */
uint64_t mw_assembler_count(const struct mw_assembler *assembler, enum mw_sample_fate fate);
uint64_t mw_assembler_gaps(const struct mw_assembler *assembler);        /* grids restarted ahead */
uint64_t mw_assembler_clock_steps(const struct mw_assembler *assembler); /* grids restarted back */

/* Exact state, for the store: continuing from a restored one gives the same rows, bit for bit.
 * The parser trusts nothing: MW_E_CORRUPT.  MW_E_INVAL: bad options, or the state has another
 * period. */
MW_MUST_CHECK mw_err mw_assembler_pack(const struct mw_assembler *assembler, uint8_t **ret_data,
				       size_t *ret_size);
MW_MUST_CHECK mw_err mw_assembler_unpack(const struct mw_assembler_opts *opts, const uint8_t *data,
					 size_t size, struct mw_assembler **ret_assembler);

#endif
