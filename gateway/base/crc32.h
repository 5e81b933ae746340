/* crc32.h -- CRC-32 of IEEE 802.3 (reflected, polynomial 0x04c11db7), as zlib and PNG use it. */
#ifndef MW_BASE_CRC32_H
#define MW_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum; start with 0.  mw_crc32(0, "123456789", 9) is 0xcbf43926. */
uint32_t mw_crc32(uint32_t crc, const void *data, size_t size);

#endif
