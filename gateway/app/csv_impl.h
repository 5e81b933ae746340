/* csv_impl.h -- what the two readers, wide (csv.c) and long (csv_long.c), have in common. */
#ifndef MW_APP_CSV_IMPL_H
#define MW_APP_CSV_IMPL_H

#include "gateway/app/csv.h"

/* Cuts the line into fields in place; returns how many, or MW_CSV_MAX_COLUMNS + 1 if too many. */
size_t csv_split(char *line, char delimiter, char *field[MW_CSV_MAX_COLUMNS]);
/* Is the name one of "a,b,c"?  A NULL list is empty. */
bool csv_is_listed(const char *list, const char *name);

#endif
