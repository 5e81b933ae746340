/* conf_site_fault.h -- a profile's list of the site's own faults.  Internal to conf*.c. */
#ifndef MW_IO_CONF_SITE_FAULT_H
#define MW_IO_CONF_SITE_FAULT_H

#include "gateway/core/site_fault.h"
#include "gateway/io/conf_table.h"

extern const struct mw_option mw_conf_site_options[], mw_conf_sign_options[];
extern const char *const mw_conf_site_nested[];

/* The list `faults` of the file's root into an owned array; nothing there: *ret_n = 0 and NULL.
 * MW_E_CONFIG with the reason and its line, MW_E_NOMEM. */
MW_MUST_CHECK mw_err mw_conf_read_site_faults(const struct mw_conf_reader *reader,
					      const config_setting_t *root,
					      struct mw_site_fault **ret_fault, size_t *ret_n);

#endif
