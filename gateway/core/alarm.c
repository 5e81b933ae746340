#include "gateway/core/alarm.h"
#include "gateway/core/judge.h"

#include <math.h>
#include <string.h>

#define GROSS_SCORE .99
#define NS_PER_S    1e9

void mw_alarm_init(struct mw_alarm *alarm)
{
	memset(alarm, 0, sizeof(*alarm));
}

static void enter(struct mw_alarm *alarm, enum mw_alarm_state state)
{
	alarm->state = state;
	alarm->sequence++;
}

static void count(struct mw_alarm *alarm, const struct mw_alarm_input *input, bool over)
{
	if (over && alarm->over++ == 0)
		alarm->first_over_ns = input->time_ns;
	alarm->under = over ? 0 : alarm->under + 1;
	if (!over)
		alarm->over = 0;
}

static bool is_gross(const struct mw_alarm_opts *opts, const struct mw_alarm_input *input)
{
	return opts->p_gross > 0 && input->p_value <= opts->p_gross && input->score >= GROSS_SCORE;
}

static enum mw_alarm_action raise_alarm(struct mw_alarm *alarm, const char *asset, int64_t time_ns)
{
	alarm->state = MW_ALARM_UNACK_ACTIVE;
	alarm->open = true;
	alarm->raised_ns = time_ns;
	alarm->sequence = 0;
	mw_event_id(asset, time_ns, alarm->event_id);
	return MW_ALARM_RAISE;
}

static enum mw_alarm_action clear_alarm(struct mw_alarm *alarm)
{
	alarm->open = false;
	if (alarm->state == MW_ALARM_UNACK_ACTIVE)
		enter(alarm, MW_ALARM_UNACK_RETURNED);
	else if (alarm->state == MW_ALARM_ACK_ACTIVE)
		enter(alarm, MW_ALARM_NORMAL);
	else
		enter(alarm, alarm->state); /* shelved stays so */
	return MW_ALARM_CLEAR;
}

static void unshelve(struct mw_alarm *alarm)
{
	alarm->shelved_until_ns = 0;
	enter(alarm, alarm->open ? MW_ALARM_UNACK_ACTIVE : MW_ALARM_NORMAL);
}

double mw_alarm_p_of_budget(double per_day, int64_t period_ns)
{
	double rows = (double)period_ns / NS_PER_S;

	return fmin(MW_JUDGE_BUDGET_P * per_day / MW_JUDGE_BUDGET_DAY * rows, MW_ALARM_P_MAX);
}

enum mw_alarm_action mw_alarm_step(struct mw_alarm *alarm, const struct mw_alarm_opts *opts,
				   const char *asset, const struct mw_alarm_input *input)
{
	bool over = input->is_fault && input->p_value <= opts->p_raise;
	bool gross = input->is_fault && is_gross(opts, input);

	count(alarm, input, over || gross);
	if (alarm->state == MW_ALARM_OUT_OF_SERVICE)
		return MW_ALARM_NOTHING;
	if (alarm->state == MW_ALARM_SHELVED && input->time_ns >= alarm->shelved_until_ns) {
		unshelve(alarm);
		return MW_ALARM_UNSHELVE;
	}
	if (alarm->open && alarm->under > 0 && alarm->under >= opts->off_windows)
		return clear_alarm(alarm);
	if (alarm->state == MW_ALARM_SHELVED)
		return MW_ALARM_NOTHING;
	if (!alarm->open && (gross || (over && alarm->over >= opts->on_windows)))
		return raise_alarm(alarm, asset, input->time_ns);
	if (alarm->open && over && input->worse) {
		alarm->sequence++;
		return MW_ALARM_UPDATE;
	}
	return MW_ALARM_NOTHING;
}

mw_err mw_alarm_ack(struct mw_alarm *alarm)
{
	if (alarm->state == MW_ALARM_UNACK_ACTIVE)
		enter(alarm, MW_ALARM_ACK_ACTIVE);
	else if (alarm->state == MW_ALARM_UNACK_RETURNED)
		enter(alarm, MW_ALARM_NORMAL);
	else
		return MW_E_INVAL;
	return MW_E_OK;
}

mw_err mw_alarm_shelve(struct mw_alarm *alarm, int64_t until_ns)
{
	if (alarm->state == MW_ALARM_OUT_OF_SERVICE || until_ns <= 0)
		return MW_E_INVAL;
	alarm->shelved_until_ns = until_ns;
	enter(alarm, MW_ALARM_SHELVED);
	return MW_E_OK;
}

mw_err mw_alarm_unshelve(struct mw_alarm *alarm)
{
	if (alarm->state != MW_ALARM_SHELVED)
		return MW_E_INVAL;
	unshelve(alarm);
	return MW_E_OK;
}

mw_err mw_alarm_remove_from_service(struct mw_alarm *alarm)
{
	if (alarm->state == MW_ALARM_OUT_OF_SERVICE)
		return MW_E_INVAL;
	alarm->open = false;
	alarm->shelved_until_ns = 0;
	enter(alarm, MW_ALARM_OUT_OF_SERVICE);
	return MW_E_OK;
}

mw_err mw_alarm_return_to_service(struct mw_alarm *alarm)
{
	if (alarm->state != MW_ALARM_OUT_OF_SERVICE)
		return MW_E_INVAL;
	alarm->over = alarm->under = 0;
	enter(alarm, MW_ALARM_NORMAL);
	return MW_E_OK;
}
