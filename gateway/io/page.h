/* page.h -- the operator page's files (gateway/page), embedded at build. */
#ifndef MW_IO_PAGE_H
#define MW_IO_PAGE_H

#include <stddef.h>

struct mw_page_file {
	const char *path; /* "/page.js" */
	const char *type; /* Content-Type */
	const char *data;
	size_t size;
	const char *etag; /* in quotes */
};

/* The last one has path NULL (generated at build). */
extern const struct mw_page_file mw_page_files[];

#endif
