/* row.h -- one aligned sample of an asset: what the window assembler hands on. */
#ifndef MW_CORE_ROW_H
#define MW_CORE_ROW_H

#include <stdint.h>

#define MW_MAX_CHANNELS 128 /* of one asset; more are counted and left out */

struct mw_row {
	int64_t time_ns;     /* the row's slot: a multiple of the asset's period */
	const double *value; /* one per channel, in channel order; NaN: nothing was received */
	uint32_t n_channels;
};

#endif
