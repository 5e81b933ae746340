/* replay_load.c -- files into rows and events, and what they are read with. */
#include "gateway/app/replay.h"

#include "gateway/base/clock.h"
#include "gateway/io/conf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEARN_SPAN_MAX_NS 3.2e18
#define DAY_NS            (86400 * MW_NS_PER_S)
#define STATES_MAX        16 /* a column of a table with more values is no state channel */

int64_t replay_slot(int64_t time_ns, int64_t period_ns)
{
	int64_t rest = time_ns % period_ns;

	return time_ns - (rest < 0 ? rest + period_ns : rest);
}

int replay_channel(const struct replay *r, const char *name)
{
	for (size_t c = 0; c < r->n_channels; c++)
		if (strcmp(r->channel[c], name) == 0)
			return (int)c;
	return -1;
}

static mw_err no_memory(struct replay *r)
{
	return mw_why(MW_E_NOMEM, r->why, sizeof(r->why), "out of memory");
}

/* --- wide tables ------------------------------------------------------------------------------ */

/* Counts a column's values, up to one more than a state channel has. */
static size_t count_values(const struct mw_csv *csv, size_t column)
{
	double seen[STATES_MAX];
	size_t n = 0;

	for (size_t row = 0; row < csv->n_rows && n <= STATES_MAX; row++) {
		double value = csv->value[row * csv->n_columns + column];
		size_t i = 0;

		while (i < n && seen[i] != value)
			i++;
		if (i < n || isnan(value))
			continue;
		if (n < STATES_MAX)
			seen[n] = value;
		n++;
	}
	return n;
}

/* The changes of a table's state columns, in order of time. */
static mw_err events_of(const struct replay *r, const struct mw_csv *csv,
			struct mw_recording *ret_events)
{
	struct mw_recording events = {0};
	size_t capacity = 0;
	double last[MW_MAX_CHANNELS];
	bool state[MW_MAX_CHANNELS] = {false};

	for (size_t c = 0; c < csv->n_columns; c++) {
		state[c] = count_values(csv, c) <= STATES_MAX;
		last[c] = NAN;
	}
	for (size_t i = 0; i < csv->n_rows * csv->n_columns; i++) {
		size_t c = i % csv->n_columns;

		if (!state[c] || csv->value[i] == last[c] || isnan(csv->value[i]))
			continue;
		last[c] = csv->value[i];
		if (events.n_event == capacity) {
			struct mw_long_event *more;

			capacity = capacity ? capacity * 2 : 1024;
			more = reallocarray(events.event, capacity, sizeof(*more));
			if (!more) {
				mw_recording_done(&events);
				return MW_E_NOMEM;
			}
			events.event = more;
		}
		events.event[events.n_event++] =
		    (struct mw_long_event){csv->time_ns[i / csv->n_columns], last[c],
					   (uint32_t)replay_channel(r, csv->name[c])};
	}
	*ret_events = events;
	return MW_E_OK;
}

static mw_err read_wide(struct replay *r, const char *path, struct replay_data *data)
{
	mw_err err = mw_csv_read(path, &r->csv_opts, r->why, sizeof(r->why), &data->rows);

	if (err)
		return err;
	if (data->rows->n_columns > MW_MAX_CHANNELS)
		return mw_why(MW_E_FULL, r->why, sizeof(r->why),
			      "%s: %zu value columns, at most %d (use --ignore)", path,
			      data->rows->n_columns, MW_MAX_CHANNELS);
	return MW_E_OK;
}

static mw_err add_names(struct replay *r, const char *path, const struct mw_csv *csv)
{
	for (size_t c = 0; c < csv->n_columns; c++) {
		if (replay_channel(r, csv->name[c]) >= 0)
			continue;
		if (r->n_channels == MW_MAX_CHANNELS)
			return mw_why(MW_E_FULL, r->why, sizeof(r->why),
				      "%s: '%s' is one channel more than %d (use --ignore)", path,
				      csv->name[c], MW_MAX_CHANNELS);
		memcpy(r->channel[r->n_channels++], csv->name[c], MW_NAME_SIZE);
	}
	return MW_E_OK;
}

static mw_err load_wide(struct replay *r)
{
	mw_err err = read_wide(r, r->csv_path, &r->main);

	if (!err && r->asset_opts.assembler.period_ns == 0)
		r->asset_opts.assembler.period_ns = mw_csv_period(r->main.rows);
	if (!err && r->asset_opts.assembler.period_ns <= 0)
		err = mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			     "%s: the times do not advance; give --period", r->csv_path);
	if (!err)
		err = add_names(r, r->csv_path, r->main.rows);
	for (size_t i = 0; i < r->n_learn_file && !err; i++) {
		err = read_wide(r, r->learn_file[i], &r->learn[i]);
		if (!err)
			err = add_names(r, r->learn_file[i], r->learn[i].rows);
	}
	if (err || r->n_moment == 0)
		return err;
	err = events_of(r, r->main.rows, &r->main.events);
	for (size_t i = 0; i < r->n_learn_file && !err; i++)
		err = events_of(r, r->learn[i].rows, &r->learn[i].events);
	return err ? no_memory(r) : MW_E_OK;
}

/* --- events ----------------------------------------------------------------------------------- */

static mw_err make_set(struct replay *r)
{
	static const char want[] = "--long: three column names are needed: time,channel,value";
	char *copy = strdup(r->long_columns), *name[3], *rest = copy;
	struct mw_long_opts opts = {.delimiter = r->csv_opts.delimiter,
				    .ignore = r->csv_opts.ignore};

	r->long_names = copy;
	if (!copy)
		return no_memory(r);
	for (int i = 0; i < 3; i++) {
		name[i] = strsep(&rest, ",");
		if (!name[i] || *name[i] == '\0')
			return mw_why(MW_E_INVAL, r->why, sizeof(r->why), "%s", want);
	}
	if (rest)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why), "%s", want);
	opts.time = name[0];
	opts.channel = name[1];
	opts.value = name[2];
	return mw_long_new(&opts, &r->set) ? no_memory(r) : MW_E_OK;
}

static mw_err make_grid(struct replay *r, const char *path, struct replay_data *data)
{
	mw_err err =
	    mw_long_grid(r->set, &data->events, r->asset_opts.assembler.period_ns, &data->rows);

	return err ? mw_why(err, r->why, sizeof(r->why),
			    err == MW_E_FULL ? "%s: more than %d rows; give a longer --period"
					     : "%s: out of memory",
			    path, MW_LONG_MAX_ROWS)
		   : MW_E_OK;
}

static mw_err load_long(struct replay *r)
{
	mw_err err = make_set(r);

	for (size_t i = 0; i < r->n_learn_file && !err; i++)
		err = mw_long_read(r->set, r->learn_file[i], r->why, sizeof(r->why),
				   &r->learn[i].events);
	if (!err)
		err = mw_long_read(r->set, r->csv_path, r->why, sizeof(r->why), &r->main.events);
	if (!err && r->asset_opts.assembler.period_ns == 0)
		r->asset_opts.assembler.period_ns = mw_long_period(r->set, &r->main.events);
	if (!err)
		err = make_grid(r, r->csv_path, &r->main);
	for (size_t i = 0; i < r->n_learn_file && !err; i++)
		err = make_grid(r, r->learn_file[i], &r->learn[i]);
	return err ? err : add_names(r, r->csv_path, r->main.rows);
}

/* --- what is learnt --------------------------------------------------------------------------- */

/* The learn segment is the first rows of the file, counted on the time grid: gaps count as rows. */
static mw_err set_learn_rows(struct replay *r, int64_t input_rows)
{
	const struct mw_csv *csv = r->main.rows;
	const int64_t period = r->asset_opts.assembler.period_ns;
	size_t last = (size_t)input_rows - 1;

	if (r->learn_s > 0)
		for (last = 0;
		     last + 1 < csv->n_rows && (double)(csv->time_ns[last + 1] - csv->time_ns[0]) <=
						   r->learn_s * (double)MW_NS_PER_S;
		     last++)
			;
	if (last >= csv->n_rows)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			      "%s: --learn %lld, but the file has %zu rows", r->csv_path,
			      (long long)input_rows, csv->n_rows);
	r->learn_to_ns = csv->time_ns[last] + 1;
	r->asset_opts.learn_rows =
	    (replay_slot(csv->time_ns[last], period) - replay_slot(csv->time_ns[0], period)) /
		period +
	    1;
	return MW_E_OK;
}

/* Separate recordings: the statistics learn the first rows of them, the timeline learns all. */
static mw_err set_learn_from(struct replay *r)
{
	int64_t rows = 0,
		most = r->learn_input_rows >= 0 ? r->learn_input_rows : REPLAY_LEARN_FROM_ROWS;

	if (r->learn_s > 0)
		most = (int64_t)llround(r->learn_s * (double)MW_NS_PER_S /
					(double)r->asset_opts.assembler.period_ns);
	for (size_t i = 0; i < r->n_learn_file; i++)
		rows += (int64_t)r->learn[i].rows->n_rows;
	r->learn_from_rows = rows < most ? rows : most;
	r->asset_opts.learn_rows = r->learn_from_rows;
	if ((double)rows * (double)r->asset_opts.assembler.period_ns > LEARN_SPAN_MAX_NS)
		return mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			      "--learn-from: the recordings span more than a century");
	for (int64_t before = r->main.rows->time_ns[0] -
			      (r->learn_from_rows + 1) * r->asset_opts.assembler.period_ns;
	     before + r->shift_ns <= 0;)
		r->shift_ns += DAY_NS;
	r->learn_to_ns = INT64_MIN;
	return MW_E_OK;
}

static mw_err set_learn(struct replay *r)
{
	mw_err err = r->n_learn_file > 0
			 ? set_learn_from(r)
			 : set_learn_rows(r, r->learn_input_rows >= 0 ? r->learn_input_rows
								      : REPLAY_LEARN_ROWS);

	if (!err && r->asset_opts.learn_rows < MW_LEARN_ROWS_MIN)
		err = mw_why(MW_E_INVAL, r->why, sizeof(r->why),
			     "--learn: at least %d rows are needed", MW_LEARN_ROWS_MIN);
	return err;
}

/* --- what they are read with ------------------------------------------------------------------ */

static mw_err load_profile(struct replay *r)
{
	char path[4096];
	mw_err err;

	if (!r->profile_path)
		return MW_E_OK;
	if (mw_conf_profile_file(r->profile_path, ".", path, sizeof(path)) != MW_E_OK)
		return mw_why(MW_E_IO, r->why, sizeof(r->why),
			      "%s: no such file, neither here nor among the shipped profiles",
			      r->profile_path);
	err = mw_conf_load_profile(path, r->why, sizeof(r->why), &r->profile);
	if (!err && r->asset_opts.machine == MW_MACHINE_OTHER)
		r->asset_opts.machine = r->profile->machine;
	return err;
}

/* Without a time budget: the same file is explained in the same words on every machine. */
static mw_err load_explainer(struct replay *r)
{
	struct mw_text_model_opts opts = {
	    .path = r->explainer_path, .key = "--explainer", .kernels = r->kernels};

	return opts.path ? mw_text_model_open(&opts, r->why, sizeof(r->why), &r->explainer)
			 : MW_E_OK;
}

static mw_err load_model(struct replay *r)
{
	char model[4096];
	char faults[4096];
	mw_err err = MW_E_OK;

	if (r->model_path)
		(void)snprintf(model, sizeof(model), "%s", r->model_path);
	else
		err = mw_conf_data_file("millwright-nano.gguf", model, sizeof(model));
	if (!err && r->faults_path)
		(void)snprintf(faults, sizeof(faults), "%s", r->faults_path);
	else if (!err)
		err = mw_conf_data_file("faults.cfg", faults, sizeof(faults));
	if (err)
		return mw_why(err, r->why, sizeof(r->why),
			      "the model and the fault library are not installed; set "
			      "MILLWRIGHT_DATADIR or give --model and --faults");
	err = mw_conf_load_faults(faults, r->why, sizeof(r->why), &r->library);
	if (!err)
		err = mw_inference_new(
		    &(struct mw_inference_opts){.path = model, .kernels = r->kernels}, r->why,
		    sizeof(r->why), &r->inference);
	return err ? err : load_explainer(r);
}

mw_err replay_load(struct replay *r)
{
	mw_err err;

	r->channel = calloc(MW_MAX_CHANNELS, sizeof(*r->channel));
	if (!r->channel)
		return no_memory(r);
	err = r->long_columns ? load_long(r) : load_wide(r);
	if (!err)
		err = set_learn(r);
	if (!err)
		err = load_profile(r);
	return err ? err : load_model(r);
}

static void release_data(struct replay_data *data)
{
	mw_csv_free(data->rows);
	mw_recording_done(&data->events);
}

void replay_release(struct replay *r)
{
	if (r->events)
		(void)fclose(r->events);
	free(r->raised);
	free(r->scored);
	mw_fleet_free(r->fleet);
	mw_text_model_free(r->explainer);
	mw_inference_free(r->inference);
	mw_fault_library_free(r->library);
	mw_profile_free(r->profile);
	release_data(&r->main);
	for (size_t i = 0; i < r->n_learn_file; i++)
		release_data(&r->learn[i]);
	mw_long_free(r->set);
	free(r->long_names);
	free(r->channel);
	free(r->moment);
}
