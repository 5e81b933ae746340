/*
 * faults.h -- the fault library in memory: names, symptoms, causes, checks, per language.
 * Filled from schemas/faults.cfg by gateway/io/conf_faults.c; read-only afterwards.
 */
#ifndef MW_CORE_FAULTS_H
#define MW_CORE_FAULTS_H

#include "gateway/core/prompt.h"

#define MW_FAULT_TEXTS 6

struct mw_fault_text {
	char *name;
	char *symptom[MW_FAULT_TEXTS], *cause[MW_FAULT_TEXTS],
	    *check[MW_FAULT_TEXTS]; /* NULL-ended */
};

struct mw_fault_library {
	struct mw_fault_text fault[MW_N_FAULT][2]; /* [fault][language]; every name is set */
};

/* The name ("bearing wear"); falls back to the code, never NULL. */
const char *mw_fault_name(const struct mw_fault_library *library, enum mw_fault fault,
			  enum mw_language language);
/* The first cause / check, or "" when the library has none. */
const char *mw_fault_cause(const struct mw_fault_library *library, enum mw_fault fault,
			   enum mw_language language);
const char *mw_fault_check(const struct mw_fault_library *library, enum mw_fault fault,
			   enum mw_language language);
void mw_fault_library_free(struct mw_fault_library *library);

#endif
