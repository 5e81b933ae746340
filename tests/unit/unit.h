/*
 * unit.h -- how a test program is made: one file, one suite, one program.
 *
 *     START_TEST(a_truncated_file_is_refused) { ... } END_TEST
 *     MW_TEST_MAIN("gguf", a_truncated_file_is_refused, ...)
 *
 * Names say behaviour.  No sleeps; time is a number that the test hands in.
 */
#ifndef MW_TESTS_UNIT_H
#define MW_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#define MW_TEST_MAIN(name, ...)                                                                    \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *const all[] = {__VA_ARGS__};                                          \
		Suite *suite = suite_create(name);                                                 \
		TCase *tests = tcase_create(name);                                                 \
		SRunner *runner;                                                                   \
		int failed;                                                                        \
                                                                                                   \
		tcase_set_timeout(tests, 120);                                                     \
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)                          \
			tcase_add_test(tests, all[i]);                                             \
		suite_add_tcase(suite, tests);                                                     \
		runner = srunner_create(suite);                                                    \
		srunner_run_all(runner, CK_ENV);                                                   \
		failed = srunner_ntests_failed(runner);                                            \
		srunner_free(runner);                                                              \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                                  \
	}

#endif
