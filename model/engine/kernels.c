#include "model/engine/kernels.h"
#include "model/engine/millwright_lm.h"

#include <string.h>

static const struct lm_kernels *const all[] = {
    &lm_kernels_scalar,
#if defined(__x86_64__)
    &lm_kernels_avx2,
    &lm_kernels_avxvnni,
    &lm_kernels_avx512vnni,
#elif defined(__aarch64__)
    &lm_kernels_neon,
    &lm_kernels_neondot,
#endif
};

#define N_ALL (sizeof(all) / sizeof(all[0]))

const struct lm_kernels *lm_kernels_find(const char *name)
{
	bool any = !name || !*name;

	for (size_t i = N_ALL; i-- > 0;)
		if (all[i]->usable() && (any || strcmp(all[i]->name, name) == 0))
			return all[i];
	return NULL;
}

const char *mw_lm_kernels_name(size_t i)
{
	for (size_t k = 0; k < N_ALL; k++)
		if (all[k]->usable() && i-- == 0)
			return all[k]->name;
	return NULL;
}
