/* What is said of the others, and the names of claims. */
#include "gateway/core/claim.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

START_TEST(the_others_are_steady_off_or_in_between)
{
	const uint32_t steady = 1u << MW_CLAIM_OTHERS_STEADY, off = 1u << MW_CLAIM_OTHERS_OFF;

	ck_assert_uint_eq(mw_event_claims_of(0, 0), 0);
	ck_assert_uint_eq(mw_event_claims_of(0, 9), 0);
	ck_assert_uint_eq(mw_event_claims_of(1, 0), steady);
	ck_assert_uint_eq(mw_event_claims_of(3, 2.99), steady);
	ck_assert_uint_eq(mw_event_claims_of(3, 3), 0);
	ck_assert_uint_eq(mw_event_claims_of(3, 5.99), 0);
	ck_assert_uint_eq(mw_event_claims_of(3, 6), off);
	ck_assert_uint_eq(mw_event_claims_of(3, (double)NAN), 0);
}
END_TEST

START_TEST(claims_have_names)
{
	const uint32_t all = (1u << MW_N_CLAIM) - 1;
	char text[MW_CLAIMS_TEXT_SIZE];

	for (int i = 0; i < MW_N_CLAIM; i++) {
		const char *name = mw_claim_text((enum mw_claim)i);

		ck_assert_int_eq(mw_claim_from_text(name, strlen(name)), i);
		ck_assert_int_eq(mw_claim_from_text(name, strlen(name) - 1), -1);
		ck_assert_str_eq(mw_claims_text(1u << i, text), name);
		ck_assert_uint_eq(mw_claims_from_text(name), 1u << i);
	}
	ck_assert_int_eq(mw_event_claim_from_text("others.steady", 13), MW_CLAIM_OTHERS_STEADY);
	ck_assert_int_eq(mw_event_claim_from_text("others.off", 10), MW_CLAIM_OTHERS_OFF);
	ck_assert_int_eq(mw_event_claim_from_text("others", 6), -1);
	ck_assert_int_eq(mw_claim_from_text("", 0), -1);
	ck_assert_uint_eq(mw_claims_from_text(mw_claims_text(all, text)), all);
	ck_assert_str_eq(mw_claims_text(0, text), "");
	ck_assert_uint_eq(mw_claims_from_text("  rose levitates  with "),
			  MW_CLAIM(ROSE) | MW_CLAIM(WITH));
}
END_TEST

MW_TEST_MAIN("claim_names", the_others_are_steady_off_or_in_between, claims_have_names)
