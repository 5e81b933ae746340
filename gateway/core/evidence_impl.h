/* evidence_impl.h -- the inside of struct mw_evidence, shared by evidence*.c. */
#ifndef MW_CORE_EVIDENCE_IMPL_H
#define MW_CORE_EVIDENCE_IMPL_H

#include "gateway/core/baseline_impl.h"
#include "gateway/core/evidence.h"

/* Rings: the window and its history by patch; the window by row, and the patch that is being
 * filled.  What has left the window is only averaged: half precision is enough. */
#define EVIDENCE_ROWS (MW_WINDOW_ROWS + MW_PATCH_ROWS)

struct mw_evidence {
	const struct mw_baseline *baseline; /* borrowed */
	size_t n;
	double *block; /* owns the arrays of the stream and of the rows */
	struct baseline_stream stream;
	struct mw_row_evidence row[MW_PATCH_ROWS]; /* of the patch being filled; last row too */
	int64_t time_ns[EVIDENCE_ROWS];
	double *value;                 /* [EVIDENCE_ROWS][n] as received */
	double *expected;              /* [EVIDENCE_ROWS][n] */
	double *spread;                /* [EVIDENCE_ROWS][n] healthy, in the regime of the row */
	struct symptom_run *run;       /* [n] */
	struct mw_long_memory *memory; /* [n] of l */
	float *symptom;                /* [n][MW_N_SYMPTOM] of the window read last */
	float *patch;      /* [MW_WINDOW_PATCHES][1 + n][MW_N_FEATURES], the asset first */
	uint8_t *gap;      /* [MW_WINDOW_PATCHES][n] missing samples */
	uint16_t *history; /* [MW_HISTORY_PATCHES][1 + n][MW_N_FEATURES], halves */
};

/* Features of the window's patch; row 0 = asset, 1 + c = channel c. */
const float *evidence_features(const struct mw_evidence *evidence, size_t row, size_t patch);
/* Slot of the window's row in the rings of rows. */
size_t evidence_row_slot(const struct mw_evidence *evidence, size_t row);
/* Slot of the window's patch in the rings of its patches. */
size_t evidence_patch_slot(const struct mw_evidence *evidence, size_t patch);

#endif
