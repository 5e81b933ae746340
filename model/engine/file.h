/*
 * file.h -- a whole regular file, mapped read-only.
 */
#ifndef MW_LM_FILE_H
#define MW_LM_FILE_H

#include "model/engine/why.h"

struct lm_file {
	const void *data;
	size_t size;
};

/* Errors: IO; FORMAT for an empty file.  Returns owned: lm_file_unmap. */
mw_lm_err lm_file_map(const char *path, struct lm_file *ret_file, const struct lm_why *why);
void lm_file_unmap(const struct lm_file *file);

/* Lets go of the memory of the whole pages of a part; they can still be read. */
void lm_file_release(const struct lm_file *file, const void *data, size_t size);

#endif
