/*
 * conf_options.h -- the option tables of the core's groups.  Internal to conf*.c.
 *
 * A key is the struct member without its _ns; durations and sizes are texts with a unit.
 */
#ifndef MW_IO_CONF_OPTIONS_H
#define MW_IO_CONF_OPTIONS_H

#include "gateway/io/conf.h"
#include "gateway/io/conf_table.h"

/* What is written as a word in the file and kept as a code in the struct. */
struct mw_conf_raw {
	struct mw_config config;
	const char *language;
};

/* One group or list of the file. */
struct mw_conf_section {
	const char *name; /* "mqtt"; "" = the top level */
	const char *help; /* one sentence for the manual */
	const struct mw_option
	    *options; /* offsets into struct mw_conf_raw, or the list's element */
	const char *const *nested;
	bool is_list;
};

/* Ends with name NULL.  Groups come before lists. */
extern const struct mw_conf_section mw_conf_sections[];
/* The same of a machine profile's file (conf_profile.c). */
extern const struct mw_conf_section mw_conf_profile_sections[];
/* The section of that name; never NULL for a name in the table. */
const struct mw_conf_section *mw_conf_section(const char *name);

#endif
