/* assembler_state.h -- what an assembler holds: for assembler.c and assembler_pack.c only. */
#ifndef MW_CORE_ASSEMBLER_STATE_H
#define MW_CORE_ASSEMBLER_STATE_H

#include "gateway/core/assembler.h"
#include "gateway/core/period.h"

#define MW_ASSEMBLER_STEPS        16 /* of a channel, to tell how it reports */
#define MW_ASSEMBLER_MAX_GAP_ROWS 1000000
#define MW_ASSEMBLER_TIME_MAX     4000000000000000000LL /* the year 2096; sums do not overflow */
#define MW_ASSEMBLER_NO_ROW       INT64_MIN

struct mw_assembler_channel {
	char name[MW_NAME_SIZE], unit[MW_UNIT_SIZE];
	bool has_last;
	double last;
	int64_t last_row, last_time; /* row that holds `last`; time of its newest sample */
	bool irregular;              /* reports by exception: so it was once while it was learnt */
	uint32_t n_step, at_step;    /* ring of the times between rows with samples, while learnt */
	int64_t step[MW_ASSEMBLER_STEPS];
};

/* One sample, or several of one cell folded: then time is the first's and value their mean. */
struct mw_assembler_sample {
	int64_t time;
	double value;
	uint32_t weight;
	uint32_t channel;
};

struct mw_assembler {
	struct mw_assembler_opts opts;
	bool frozen;
	size_t n_channels;
	struct mw_assembler_channel
	    *channel[MW_MAX_CHANNELS]; /* one by one: names are lent and must stay */
	int64_t period, phase;         /* 0 = unknown */
	int64_t newest;                /* 0 = none */
	int64_t next_row;              /* to pop; MW_ASSEMBLER_NO_ROW: none yet */
	int64_t open_row;              /* rows before it are ready; MW_ASSEMBLER_NO_ROW: none yet */
	bool draining;                 /* the clock stepped back: start anew when empty */
	uint32_t late_run;             /* late samples since one was in time */
	uint64_t gaps, clock_steps, count[MW_N_FATE];
	struct mw_assembler_sample *sample; /* by time, then channel; [head, end) */
	size_t head, end, capacity;
	double value[MW_MAX_CHANNELS]; /* of the popped row */
};

/* The row of a time; needs a known period. */
int64_t mw_assembler_row_of(const struct mw_assembler *assembler, int64_t time_ns);
bool mw_assembler_name_is_proper(struct mw_str name);

#endif
