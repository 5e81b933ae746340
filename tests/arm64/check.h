/*
 * check.h -- the part of Check that the engine's tests use, for machines where the library is not
 * installed: a failing assertion says where and ends the program.
 */
#ifndef MW_TESTS_ARM64_CHECK_H
#define MW_TESTS_ARM64_CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	void (*run)(void);
} TTest;
typedef struct {
	const char *name;
	int n;
} Suite, TCase, SRunner;

#define CK_ENV 0

#define START_TEST(name)                                                                           \
	static void name##_run(void);                                                              \
	static const TTest name[1] = {{name##_run}};                                               \
	static void name##_run(void)
#define END_TEST

#define ck_assert(x)                                                                               \
	((x) ? (void)0                                                                             \
	     : (void)(fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x), exit(EXIT_FAILURE)))
#define ck_assert_msg(x, ...)              ck_assert(x)
#define ck_assert_int_eq(a, b)             ck_assert((a) == (b))
#define ck_assert_int_ge(a, b)             ck_assert((a) >= (b))
#define ck_assert_uint_eq(a, b)            ck_assert((a) == (b))
#define ck_assert_uint_gt(a, b)            ck_assert((a) > (b))
#define ck_assert_uint_le(a, b)            ck_assert((a) <= (b))
#define ck_assert_ptr_eq(a, b)             ck_assert((a) == (b))
#define ck_assert_ptr_null(a)              ck_assert((a) == NULL)
#define ck_assert_ptr_nonnull(a)           ck_assert((a) != NULL)
#define ck_assert_str_eq(a, b)             ck_assert(strcmp(a, b) == 0)
#define ck_assert_mem_eq(a, b, n)          ck_assert(memcmp(a, b, n) == 0)
#define ck_assert_float_eq(a, b)           ck_assert((a) == (b))
#define ck_assert_float_le(a, b)           ck_assert((a) <= (b))
#define ck_assert_double_le(a, b)          ck_assert((a) <= (b))
#define ck_assert_double_gt(a, b)          ck_assert((a) > (b))
#define ck_assert_double_eq_tol(a, b, tol) ck_assert(fabs((a) - (b)) <= (tol))

static Suite suite_one;

static inline Suite *suite_create(const char *name)
{
	suite_one.name = name;
	return &suite_one;
}

static inline void suite_add_test(Suite *suite, const TTest *test)
{
	test->run();
	suite->n++;
}

#define tcase_create(name)          suite_create(name)
#define tcase_set_timeout(tests, s) ((void)(tests))
#define tcase_add_test(tests, test) suite_add_test(tests, test)
#define suite_add_tcase(suite, t)   ((void)(suite))
#define srunner_create(suite)       (suite)
#define srunner_run_all(runner, m)  ((void)printf("%s: %d tests\n", (runner)->name, (runner)->n))
#define srunner_ntests_failed(r)    ((r)->n == 0)
#define srunner_free(r)             ((void)(r))

#endif
