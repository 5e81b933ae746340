#include "gateway/app/board.h"

#include "gateway/io/json.h"
#include "gateway/io/when.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct line {
	char name[MW_NAME_SIZE], event[MW_EVENT_ID_SIZE];
	enum mw_machine machine;
	enum mw_asset_phase phase;
	int64_t rows, learn_rows, last_row_ns, shelved_until_ns;
	enum mw_alarm_state state;
	enum mw_verdict verdict;
	enum mw_fault fault; /* of the open event */
	unsigned severity;
	double score, p_value;
	bool watched, open;
};

struct mw_board {
	pthread_mutex_t lock;
	struct line *line;
	size_t n, room;
};

mw_err mw_board_new(struct mw_board **ret_board)
{
	struct mw_board *board = calloc(1, sizeof(*board));

	if (!board)
		return MW_E_NOMEM;
	(void)pthread_mutex_init(&board->lock, NULL);
	*ret_board = board;
	return MW_E_OK;
}

void mw_board_free(struct mw_board *board)
{
	if (!board)
		return;
	(void)pthread_mutex_destroy(&board->lock);
	free(board->line);
	free(board);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_alarm(struct line *line, const struct mw_asset *asset)
{
	const struct mw_alarm *alarm = mw_asset_alarm(asset);
	const struct mw_event *event = mw_asset_event(asset);

	line->state = alarm->state;
	line->open = alarm->open;
	line->shelved_until_ns = alarm->state == MW_ALARM_SHELVED ? alarm->shelved_until_ns : 0;
	if (!event)
		return;
	memcpy(line->event, event->id, sizeof(line->event));
	line->fault = event->fault;
	line->severity = event->severity;
}

static void write_line(struct line *line, const struct mw_asset *asset)
{
	const struct mw_outcome *outcome = mw_asset_outcome(asset);

	memset(line, 0, sizeof(*line));
	(void)strncpy(line->name, mw_asset_name(asset), sizeof(line->name) - 1);
	line->machine = mw_asset_machine(asset);
	line->phase = mw_asset_phase(asset);
	line->rows = mw_asset_rows(asset);
	line->learn_rows = mw_asset_learn_rows(asset);
	line->last_row_ns = mw_asset_last_row_ns(asset);
	line->watched = outcome != NULL;
	line->verdict = outcome ? outcome->verdict : MW_VERDICT_NORMAL;
	line->score = outcome ? outcome->judgement.score : (double)NAN;
	line->p_value = outcome ? outcome->judgement.p_value : (double)NAN;
	write_alarm(line, asset);
}

static bool make_room(struct mw_board *board, size_t n)
{
	struct line *larger;

	if (n <= board->room)
		return true;
	larger = realloc(board->line, 2 * n * sizeof(*larger));
	if (!larger)
		return false;
	board->line = larger;
	board->room = 2 * n;
	return true;
}

void mw_board_update(struct mw_board *board, const struct mw_fleet *fleet)
{
	size_t n = mw_fleet_size(fleet);

	(void)pthread_mutex_lock(&board->lock);
	if (make_room(board, n)) {
		for (size_t i = 0; i < n; i++)
			write_line(&board->line[i], mw_fleet_at(fleet, i));
		board->n = n;
	}
	(void)pthread_mutex_unlock(&board->lock);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void put_time(struct mw_json *object, const char *key, int64_t time_ns)
{
	char buf[MW_WHEN_SIZE];

	if (time_ns == 0)
		mw_json_null(object, key);
	else
		mw_json_text(object, key, mw_when_iso(time_ns, buf, sizeof(buf)));
}

static void put_event(struct mw_json *object, const struct line *line)
{
	if (line->event[0])
		mw_json_text(object, "event", line->event);
	else
		mw_json_null(object, "event");
	mw_json_bool(object, "open", line->open);
	mw_json_text(object, "fault", mw_fault_code(line->fault));
	mw_json_integer(object, "severity", line->severity);
	put_time(object, "shelved_until", line->shelved_until_ns);
}

static struct mw_json *line_json(const struct line *line)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "asset", line->name);
	mw_json_text(object, "machine", mw_machine_code(line->machine));
	mw_json_text(object, "phase", mw_asset_phase_text(line->phase));
	mw_json_integer(object, "rows", line->rows);
	mw_json_integer(object, "learn_rows", line->learn_rows);
	put_time(object, "time", line->last_row_ns);
	mw_json_text(object, "state", mw_alarm_state_text(line->state));
	if (line->watched)
		mw_json_text(object, "verdict", mw_verdict_text(line->verdict));
	else
		mw_json_null(object, "verdict");
	mw_json_number(object, "score", line->score);
	mw_json_number(object, "p_value", line->p_value);
	put_event(object, line);
	return object;
}

mw_err mw_board_json(struct mw_board *board, char **ret_text)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "schema", "millwright.assets/1");
	mw_json_array(object, "assets");
	(void)pthread_mutex_lock(&board->lock);
	for (size_t i = 0; i < board->n; i++)
		mw_json_append(object, "assets", line_json(&board->line[i]));
	(void)pthread_mutex_unlock(&board->lock);
	return mw_json_finish(object, ret_text);
}
