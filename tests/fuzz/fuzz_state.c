/* fuzz_state.c -- an assembler's packed state is not trusted: refused, or fit to go on with. */
#include "gateway/core/assembler.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mw_assembler_opts opts = {.max_gap_rows = 100};
	struct mw_assembler *a = NULL;
	uint8_t *again = NULL;
	size_t size_again;
	struct mw_row row;

	if (mw_assembler_unpack(&opts, data, size, &a) != MW_E_OK)
		return 0;
	for (int i = 0; i < 200; i++) {
		int64_t time = mw_assembler_newest(a) + i * 1000000;

		(void)mw_assembler_push(a, (struct mw_str){"t", 1}, time, i, 0, time);
		while (mw_assembler_pop(a, &row))
			if (row.n_channels > MW_MAX_CHANNELS)
				abort();
	}
	mw_assembler_flush(a);
	while (mw_assembler_pop(a, &row))
		;
	if (mw_assembler_pack(a, &again, &size_again) == MW_E_OK)
		free(again);
	mw_assembler_free(a);
	return 0;
}
