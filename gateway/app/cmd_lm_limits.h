/*
 * cmd_lm_limits.h -- what this machine can do at most, measured: the yardstick of `millwright lm
 * bench`.
 */
#ifndef MW_APP_CMD_LM_LIMITS_H
#define MW_APP_CMD_LM_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes a second that so many threads read together, each again and again through its part of a
 * buffer of that size (held to 1 to 512 MiB); 0 without memory. */
double mw_lm_limit_bytes(size_t size, uint32_t threads);

/* Multiplications of int8 with int8 a second that so many threads do together, added to int32, in
 * registers: the fastest exact way that this processor has among those known here. */
double mw_lm_limit_macs(uint32_t threads);

#endif
