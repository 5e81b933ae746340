/* Commands on their way: bounded, in order, each answered once. */
#include "gateway/app/command_queue.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static size_t answers;
static mw_err last;

static void count(void *ctx, const struct mw_command_result *result)
{
	ck_assert_ptr_eq(ctx, &answers);
	answers++;
	last = result->err;
}

static struct mw_command number(int i)
{
	struct mw_command command = {.kind = MW_COMMAND_ACK};

	(void)snprintf(command.event, sizeof(command.event), "ev-%016x", i);
	return command;
}

static mw_err put(struct mw_command_queue *queue, int i)
{
	struct mw_command command = number(i);

	return mw_command_queue_put(queue, &command, count, &answers);
}

START_TEST(commands_come_out_in_order_and_past_the_bound_are_refused)
{
	struct mw_command_queue *queue;
	struct mw_waiting_command out[10];
	int in = 0, seen = 0;

	ck_assert_int_eq(mw_command_queue_new(&queue), MW_E_OK);
	for (int round = 0; round < 20; round++) { /* around the ring */
		while (put(queue, in) == MW_E_OK)
			in++;
		ck_assert_int_eq(put(queue, in), MW_E_FULL);
		ck_assert_int_eq(in - seen, MW_COMMANDS_WAITING);
		ck_assert_uint_eq(mw_command_queue_take(queue, out, 10), 10);
		for (int i = 0; i < 10; i++, seen++)
			ck_assert_str_eq(out[i].command.event, number(seen).event);
	}
	ck_assert_uint_eq(answers, 0);
	mw_command_queue_free(queue);
	ck_assert_uint_eq(answers, (size_t)(in - seen)); /* nobody waits for ever */
	ck_assert_int_eq(last, MW_E_AGAIN);
}
END_TEST

START_TEST(a_closed_queue_lets_nothing_in)
{
	struct mw_command_queue *queue;

	ck_assert_int_eq(mw_command_queue_new(&queue), MW_E_OK);
	ck_assert_int_eq(put(queue, 1), MW_E_OK);
	mw_command_queue_refuse(queue, MW_E_IO, "the disk is full", false);
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(last, MW_E_IO);
	ck_assert_int_eq(put(queue, 2), MW_E_OK);
	mw_command_queue_refuse(queue, MW_E_AGAIN, "the daemon ends", true);
	ck_assert_uint_eq(answers, 2);
	ck_assert_int_eq(put(queue, 3), MW_E_AGAIN);
	mw_command_queue_free(queue);
	ck_assert_uint_eq(answers, 2);
}
END_TEST

START_TEST(an_answer_carries_what_became_of_the_event)
{
	struct mw_event event = {.state = MW_ALARM_SHELVED, .sequence = 7};
	struct mw_waiting_command waiting = {number(5), count, &answers};

	mw_command_answer(&waiting, MW_E_OK, NULL, &event);
	ck_assert_int_eq(last, MW_E_OK);
	mw_command_answer(&waiting, MW_E_INVAL, "no", NULL);
	ck_assert_int_eq(last, MW_E_INVAL);
	ck_assert_uint_eq(answers, 2);
}
END_TEST

MW_TEST_MAIN("command_queue", commands_come_out_in_order_and_past_the_bound_are_refused,
	     a_closed_queue_lets_nothing_in, an_answer_carries_what_became_of_the_event)
