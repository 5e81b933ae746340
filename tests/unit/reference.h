/* reference.h -- a file of doubles that numpy wrote (tests/data/reference_*.py), read in order. */
#ifndef MW_TESTS_REFERENCE_H
#define MW_TESTS_REFERENCE_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct reference {
	double *data; /* the test's: free */
	size_t size, at;
};

static inline void reference_open(struct reference *reference, const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	reference->size = (size_t)size / sizeof(double);
	reference->at = 0;
	reference->data = malloc((size_t)size);
	ck_assert_ptr_nonnull(reference->data);
	ck_assert_uint_eq(fread(reference->data, sizeof(double), reference->size, file),
			  reference->size);
	(void)fclose(file);
}

/* Lends the next n numbers. */
static inline const double *reference_take(struct reference *reference, size_t n)
{
	const double *from = reference->data + reference->at;

	reference->at += n;
	ck_assert_uint_le(reference->at, reference->size);
	return from;
}

#endif
