/* seal.h -- a changed baseline gets its check sum again, so that a fuzzer reaches what lies behind. */
#ifndef MW_TESTS_SEAL_H
#define MW_TESTS_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SUM_SIZE 8

/* FNV-1a, as gateway/core/baseline_pack.c writes it. */
static inline void seal(uint8_t *data, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i + SUM_SIZE < size; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < SUM_SIZE; i++)
		data[size - SUM_SIZE + i] = (uint8_t)(sum >> (8 * i));
}

#endif
