#include "gateway/core/faults.h"

#include <stdlib.h>

static const struct mw_fault_text *text_of(const struct mw_fault_library *library,
					   enum mw_fault fault, enum mw_language language)
{
	static const struct mw_fault_text none;

	if (!library || fault >= MW_N_FAULT || language > MW_LANGUAGE_KO)
		return &none;
	return &library->fault[fault][language];
}

const char *mw_fault_name(const struct mw_fault_library *library, enum mw_fault fault,
			  enum mw_language language)
{
	const char *name = text_of(library, fault, language)->name;

	return name ? name : mw_fault_code(fault);
}

const char *mw_fault_cause(const struct mw_fault_library *library, enum mw_fault fault,
			   enum mw_language language)
{
	const char *cause = text_of(library, fault, language)->cause[0];

	return cause ? cause : "";
}

const char *mw_fault_check(const struct mw_fault_library *library, enum mw_fault fault,
			   enum mw_language language)
{
	const char *check = text_of(library, fault, language)->check[0];

	return check ? check : "";
}

static void free_text(struct mw_fault_text *text)
{
	free(text->name);
	for (size_t i = 0; i < MW_FAULT_TEXTS; i++) {
		free(text->symptom[i]);
		free(text->cause[i]);
		free(text->check[i]);
	}
}

void mw_fault_library_free(struct mw_fault_library *library)
{
	if (!library)
		return;
	for (int fault = 0; fault < MW_N_FAULT; fault++)
		for (int language = 0; language < 2; language++)
			free_text(&library->fault[fault][language]);
	free(library);
}
