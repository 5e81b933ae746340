/*
 * alarm.h -- the alarm of one asset: ISA-18.2 states over the windows' verdicts.
 *
 * Raised after `on_windows` consecutive windows over the threshold (at once when gross), cleared
 * after `off_windows` consecutive ones under it; one active alarm per asset and fault family; a
 * re-occurrence within the off delay continues the same alarm.  Times are data times.  Pure.
 *
 *     state                raise    clear              ack              shelve   shelf ends
 *     normal               UNACK    -                  refused          SHELVED  -
 *     unack. active        -        UNACK_RETURNED     ACK_ACTIVE       SHELVED  -
 *     acknowledged active  -        NORMAL             refused          SHELVED  -
 *     unack. returned      UNACK    -                  NORMAL           SHELVED  -
 *     shelved              -        SHELVED            refused          SHELVED  UNACK / NORMAL
 *     out of service       -        -                  refused          refused  -
 *
 * While shelved nothing is raised; an anomaly that was there before the shelving still clears, and
 * one that is there when the shelf ends goes on as the same alarm, unacknowledged.
 */
#ifndef MW_CORE_ALARM_H
#define MW_CORE_ALARM_H

#include "gateway/core/event.h"

struct mw_alarm_opts {
	double p_raise; /* threshold on the p-value */
	double per_day; /* alarms that a healthy machine may raise: p_raise follows; 0 = unset */
	int64_t on_windows;  /* >= 1 */
	int64_t off_windows; /* >= 1 */
	double p_gross; /* a p-value at or under this and score >= .99 raises at once; 0 = never */
};

struct mw_alarm {
	enum mw_alarm_state state;
	int64_t over, under;   /* consecutive windows over / under the threshold */
	int64_t first_over_ns; /* data time of the first of them */
	int64_t raised_ns;
	char event_id[MW_EVENT_ID_SIZE];
	uint32_t sequence;
	int64_t shelved_until_ns;
	bool open; /* raised and not cleared: the event goes on */
};

/* What the alarm wants done after a window.  At most one per window. */
enum mw_alarm_action {
	MW_ALARM_NOTHING,
	MW_ALARM_RAISE,
	MW_ALARM_UPDATE,
	MW_ALARM_CLEAR,
	MW_ALARM_UNSHELVE /* the shelf's time is over */
};

struct mw_alarm_input {
	int64_t time_ns; /* end of the window */
	double p_value, score;
	bool is_fault; /* the verdict is fault or unknown (an operation is not raised) */
	bool worse;    /* severity rose or the named fault changed: worth an update */
};

/* The threshold for a budget of alarms a day: judge.h scales p-values so that MW_JUDGE_BUDGET_P is an
 * alarm MW_JUDGE_BUDGET_DAY times a day at a row a second, and healthy alarms are as rare as their p-value
 * and as the rows.  At most MW_ALARM_P_MAX, which slow machines reach.  period_ns > 0. */
#define MW_ALARM_P_MAX 0.02
double mw_alarm_p_of_budget(double per_day, int64_t period_ns);

void mw_alarm_init(struct mw_alarm *alarm);
enum mw_alarm_action mw_alarm_step(struct mw_alarm *alarm, const struct mw_alarm_opts *opts,
				   const char *asset, const struct mw_alarm_input *input);
/* Operator actions; MW_E_INVAL when the state does not allow it. */
MW_MUST_CHECK mw_err mw_alarm_ack(struct mw_alarm *alarm);
MW_MUST_CHECK mw_err mw_alarm_shelve(struct mw_alarm *alarm, int64_t until_ns);
MW_MUST_CHECK mw_err mw_alarm_unshelve(struct mw_alarm *alarm);
/* Maintenance: nothing is raised until it returns; an open alarm ends. */
MW_MUST_CHECK mw_err mw_alarm_remove_from_service(struct mw_alarm *alarm);
MW_MUST_CHECK mw_err mw_alarm_return_to_service(struct mw_alarm *alarm);

#endif
