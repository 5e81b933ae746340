/*
 * corpus_describe.h -- `mw-corpus --describe`: the code layout, faults, proofs and claims as JSON, for
 * the trainer.  A part of corpus.c.
 */
#ifndef MW_TOOLS_CORPUS_DESCRIBE_H
#define MW_TOOLS_CORPUS_DESCRIBE_H

#include "gateway/core/truth.h"

#include <stdio.h>

static void print_names(const char *key)
{
	char name[MW_TOKEN_NAME_SIZE];

	printf("\"%s\": [", key);
	for (unsigned code = 0; code < MW_CODE_END; code++) {
		mw_prompt_token_name(code, name);
		printf("%s\n  \"%s\"", code ? "," : "", name);
	}
	printf("\n]");
}

static void print_tables(void)
{
	const struct mw_prompt_table *table = mw_prompt_tables();

	printf("\"tables\": {");
	for (size_t i = 0; i < MW_PROMPT_N_TABLE; i++)
		printf("%s\n  \"%s\": %u", i ? "," : "", table[i].name, table[i].first);
	printf("\n},\n\"table_sizes\": {");
	for (size_t i = 0; i < MW_PROMPT_N_TABLE; i++)
		printf("%s\n  \"%s\": %u", i ? "," : "", table[i].name, table[i].size);
	printf("\n}");
}

static void print_faults(void)
{
	static const char *const kind[] = {"none", "sensor", "process", "operation"};

	printf("\"faults\": [");
	for (int f = 0; f < MW_N_FAULT; f++)
		printf("%s\n  {\"code\": \"%s\", \"kind\": \"%s\"}", f ? "," : "",
		       mw_fault_code((enum mw_fault)f), kind[mw_fault_kind_of((enum mw_fault)f)]);
	printf("\n]");
}

static void print_proofs(void)
{
	printf("\"proofs\": [");
	for (int p = 0; p < MW_N_PROOF; p++)
		printf("%s\"%s\"", p ? ", " : "", mw_proof_code((enum mw_proof)p));
	printf("]");
}

static void print_claims(void)
{
	printf("\"claims\": [");
	for (int c = 0; c < MW_N_CLAIM; c++)
		printf("%s\"%s\"", c ? ", " : "", mw_claim_text((enum mw_claim)c));
	printf("],\n\"event_claims\": [");
	for (int c = 0; c < MW_N_EVENT_CLAIM; c++)
		printf("%s\"%s\"", c ? ", " : "", mw_event_claim_text((enum mw_event_claim)c));
	printf("]");
}

static void describe(void)
{
	printf("{\n\"version\": %d,\n\"slots\": %d,\n\"row_length\": %d,\n\"first_patch\": %d,\n"
	       "\"max_channels\": %d,\n\"bins\": %d,\n\"n_codes\": %d,\n",
	       MW_PROMPT_VERSION, MW_PROMPT_SLOTS, MW_PROMPT_ROW_LEN, MW_PROMPT_FIRST_PATCH,
	       MW_PROMPT_MAX_CHANNELS, MW_CODE_BINS, MW_CODE_END);
	print_tables();
	printf(",\n");
	print_faults();
	printf(",\n");
	print_proofs();
	printf(",\n");
	print_claims();
	printf(",\n");
	print_names("names");
	printf("\n}\n");
}

#endif
