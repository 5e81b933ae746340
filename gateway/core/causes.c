#include "gateway/core/causes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX    20.0 /* more says no more */
#define NEAR        0.5  /* factor for each step */
#define UNRELATED   5    /* steps that no path counts as */
#define COMMAND     0.5
#define LATE        0.25
#define MISFIT      0.05 /* of a fault that such a channel can hardly have */
#define LEAST_SCORE 1e-6

/* Of mw_causes_blend. */
#define FIRST_OUT_BITS  1.0
#define LEAST_SUSPICION (-8.0)
#define U_ALARM         1.0
#define U_SCORE         1.0
#define U_SUSPICION     0.3
#define U_NAMED         1.0
#define U_NAMED_LATER   0.3

static int entry_of(const struct mw_causes_input *input, size_t channel)
{
	return input->profile && input->entry ? input->entry[channel] : -1;
}

static enum mw_channel_kind kind_of(const struct mw_causes_input *input, size_t channel)
{
	int entry = entry_of(input, channel);

	return entry < 0 ? MW_CHANNEL_MEASURED : input->profile->channel[entry].kind;
}

/* Steps from one channel to another; two channels of one entry have no path between them. */
static unsigned steps(const struct mw_causes_input *input, size_t from, size_t to)
{
	int a = entry_of(input, from), b = entry_of(input, to);

	if (from == to)
		return 0;
	if (a < 0 || b < 0 || a == b || !input->paths)
		return MW_PROFILE_NO_PATH;
	return input->paths->length[a][b];
}

static bool may_cause(const struct mw_causes_input *input, size_t channel,
		      const struct mw_symptom *symptom)
{
	enum mw_channel_kind kind = kind_of(input, channel);

	if (!symptom->at[channel].present || kind == MW_CHANNEL_ALARM || kind == MW_CHANNEL_COUNTER)
		return false;
	/* in a loop each is upstream of the other */
	return steps(input, channel, symptom->channel) != MW_PROFILE_NO_PATH ||
	       steps(input, symptom->channel, channel) == MW_PROFILE_NO_PATH;
}

static double weight_of(const struct mw_causes_input *input, size_t channel,
			const struct mw_symptom *symptom, bool paths_only)
{
	const struct mw_cause_channel *at = &symptom->at[channel];
	unsigned distance = steps(input, channel, symptom->channel);
	int entry = entry_of(input, channel);
	double bits = at->known ? fmax(at->bits, 0) : MW_CAUSES_UNKNOWN_BITS;
	double q = exp2(fmin(bits, BITS_MAX) / 2);

	if (!may_cause(input, channel, symptom))
		return 0;
	if (distance == MW_PROFILE_NO_PATH) {
		if (paths_only || !at->known)
			return 0;
		distance = UNRELATED;
	}
	q *= pow(NEAR, distance > 0 ? distance - 1 : 0);
	if (kind_of(input, channel) == MW_CHANNEL_COMMAND)
		q *= COMMAND;
	if (at->known && at->since_ns > symptom->onset_ns + input->slack_ns)
		q *= LATE;
	if (entry >= 0 && input->profile->channel[entry].weak > 0)
		q *= input->profile->channel[entry].weak;
	return q;
}

static bool has_ancestor(const struct mw_causes_input *input, const struct mw_symptom *symptom)
{
	for (size_t c = 0; c < input->n_channels; c++)
		if (c != symptom->channel && may_cause(input, c, symptom) &&
		    steps(input, c, symptom->channel) != MW_PROFILE_NO_PATH)
			return true;
	return false;
}

static void share_out(const struct mw_causes_input *input, size_t s, double total,
		      struct mw_cause *cause, double *most)
{
	const struct mw_symptom *symptom = &input->symptom[s];
	bool paths_only =
	    kind_of(input, symptom->channel) == MW_CHANNEL_ALARM && has_ancestor(input, symptom);
	double q[MW_MAX_CHANNELS], sum = 0;

	for (size_t c = 0; c < input->n_channels; c++)
		sum += q[c] = weight_of(input, c, symptom, paths_only);
	for (size_t c = 0; c < input->n_channels && sum > 0; c++) {
		double part = symptom->bits / total * q[c] / sum;

		cause[c].score += part;
		if (part <= most[c])
			continue;
		most[c] = part;
		cause[c].symptom = s;
		cause[c].distance = steps(input, c, symptom->channel);
		cause[c].at = symptom->at[c];
	}
}

static int compare_causes(const void *a, const void *b)
{
	const struct mw_cause *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->at.since_ns != y->at.since_ns)
		return x->at.since_ns < y->at.since_ns ? 1 : -1;
	return x->channel < y->channel ? -1 : 1;
}

size_t mw_causes_rank(const struct mw_causes_input *input,
		      struct mw_cause ret_cause[MW_MAX_CHANNELS])
{
	double most[MW_MAX_CHANNELS] = {0}, total = 0, scored = 0;
	size_t n = 0;

	for (size_t s = 0; s < input->n_symptoms; s++)
		total += input->symptom[s].bits;
	memset(ret_cause, 0, MW_MAX_CHANNELS * sizeof(*ret_cause));
	for (size_t c = 0; c < input->n_channels; c++)
		ret_cause[c].channel = c;
	for (size_t s = 0; s < input->n_symptoms && total > 0; s++)
		share_out(input, s, total, ret_cause, most);
	for (size_t c = 0; c < input->n_channels; c++)
		scored += ret_cause[c].score;
	qsort(ret_cause, input->n_channels, sizeof(*ret_cause), compare_causes);
	while (n < input->n_channels && ret_cause[n].score > LEAST_SCORE)
		ret_cause[n++].score /= scored;
	return n;
}

/* --- with the model ---------------------------------------------------------------------------- */

bool mw_cause_is_first_out(const struct mw_causes_input *input, const struct mw_cause *cause,
			   size_t n_cause, size_t i)
{
	if (!cause[i].at.known || cause[i].at.bits < FIRST_OUT_BITS)
		return false;
	for (size_t k = 0; k < n_cause; k++)
		if (k != i && cause[k].at.known && cause[k].at.bits >= FIRST_OUT_BITS &&
		    cause[k].at.since_ns < cause[i].at.since_ns - input->slack_ns)
			return false;
	return true;
}

static bool explains_alarms(const struct mw_causes_input *input)
{
	return input->n_symptoms > 0 &&
	       kind_of(input, input->symptom[0].channel) == MW_CHANNEL_ALARM;
}

static double utility(const struct mw_causes_input *input, const struct mw_cause_view *view,
		      const struct mw_cause *cause)
{
	const struct mw_cause_view *v = &view[cause->channel];
	double u = log(fmax(cause->score, LEAST_SCORE));

	if (explains_alarms(input))
		return U_ALARM * u;
	u *= U_SCORE;
	u += U_SUSPICION * (v->read ? fmax(v->suspicion, LEAST_SUSPICION) : LEAST_SUSPICION);
	return u + (v->named == 1 ? U_NAMED : v->named > 1 ? U_NAMED_LATER : 0);
}

static int compare_probabilities(const void *a, const void *b)
{
	const struct mw_cause *x = a, *y = b;

	if (x->probability != y->probability)
		return x->probability < y->probability ? 1 : -1;
	return compare_causes(a, b);
}

void mw_causes_blend(const struct mw_causes_input *input, const struct mw_cause_view *view,
		     struct mw_cause *cause, size_t n_cause)
{
	double u[MW_MAX_CHANNELS], most = -INFINITY, sum = 0;

	for (size_t i = 0; i < n_cause; i++) {
		u[i] = utility(input, view, &cause[i]);
		most = fmax(most, u[i]);
	}
	for (size_t i = 0; i < n_cause; i++)
		sum += cause[i].probability = exp(u[i] - most);
	for (size_t i = 0; i < n_cause; i++)
		cause[i].probability /= sum;
	qsort(cause, n_cause, sizeof(*cause), compare_probabilities);
}

/* --- faults ----------------------------------------------------------------------------------- */

static bool is_fault(enum mw_fault fault)
{
	enum mw_fault_kind kind = mw_fault_kind_of(fault);

	return kind == MW_KIND_SENSOR || kind == MW_KIND_PROCESS;
}

void mw_causes_prior(enum mw_fault fault, double probability, double ret_prior[MW_N_FAULT])
{
	bool operation = mw_fault_kind_of(fault) == MW_KIND_OPERATION;
	bool named = operation || is_fault(fault);
	size_t n = 0;

	for (int f = 0; f < MW_N_FAULT; f++) {
		bool fits = operation ? mw_fault_kind_of((enum mw_fault)f) == MW_KIND_OPERATION
				      : is_fault((enum mw_fault)f);

		ret_prior[f] = fits && !(named && f == (int)fault);
		n += ret_prior[f] > 0;
	}
	if (named)
		probability = fmin(fmax(probability, 0), 1);
	for (int f = 0; f < MW_N_FAULT; f++)
		ret_prior[f] *= (named ? 1 - probability : 1) / (double)n;
	if (named)
		ret_prior[fault] = probability;
}

/* A contact is on or off: it has no offset, no drift, no noise. */
static double fit(const struct mw_causes_input *input, size_t channel, enum mw_fault fault)
{
	enum mw_channel_kind kind = kind_of(input, channel);

	if (kind != MW_CHANNEL_STATE && kind != MW_CHANNEL_COMMAND)
		return 1;
	switch (fault) {
	case MW_FAULT_BIAS:
	case MW_FAULT_DRIFT:
	case MW_FAULT_NOISE:
	case MW_FAULT_SATURATION:
	case MW_FAULT_UNIT_ERROR:
	case MW_FAULT_LAG:
		return MISFIT;
	default:
		return 1;
	}
}

/* What the weak points make of a fault, over the variables ranked; and the one that says most. */
static double weak_factor(const struct mw_causes_input *input, const struct mw_cause *cause,
			  size_t n_cause, enum mw_fault fault, const struct mw_profile_weak **ret)
{
	const struct mw_profile_weak *anywhere = mw_profile_weak_of(input->profile, fault, -1);
	double factor = 0, left = 1, most = 0;

	*ret = anywhere;
	for (size_t i = 0; i < n_cause; i++) {
		const struct mw_profile_weak *weak =
		    mw_profile_weak_of(input->profile, fault, entry_of(input, cause[i].channel));
		double part = cause[i].score * (weak ? weak->weight : 1) *
			      fit(input, cause[i].channel, fault);

		factor += part;
		left -= cause[i].score;
		if (weak && part > most) {
			most = part;
			*ret = weak;
		}
	}
	return factor + fmax(left, 0) * (anywhere ? anywhere->weight : 1);
}

static int compare_beliefs(const void *a, const void *b)
{
	const struct mw_fault_belief *x = a, *y = b;

	if (x->probability != y->probability)
		return x->probability < y->probability ? 1 : -1;
	return x->fault < y->fault ? -1 : x->fault > y->fault;
}

static const char *own_or(const char *own, const char *fallback)
{
	return *own != '\0' ? own : fallback;
}

size_t mw_causes_faults(const double prior[MW_N_FAULT], const struct mw_causes_input *input,
			const struct mw_cause *cause, size_t n_cause,
			const struct mw_fault_library *library, enum mw_language language,
			struct mw_fault_belief ret_belief[MW_CAUSES_FAULTS])
{
	struct mw_fault_belief all[MW_N_FAULT];
	double sum = 0;
	size_t n = 0;

	for (int f = 0; f < MW_N_FAULT; f++) {
		struct mw_fault_belief *b = &all[f];

		b->fault = (enum mw_fault)f;
		b->probability = prior[f] * weak_factor(input, cause, n_cause, b->fault, &b->weak);
		b->cause = own_or(b->weak ? b->weak->cause[language] : "",
				  mw_fault_cause(library, b->fault, language));
		b->check = own_or(b->weak ? b->weak->check[language] : "",
				  mw_fault_check(library, b->fault, language));
		sum += b->probability;
	}
	qsort(all, MW_N_FAULT, sizeof(all[0]), compare_beliefs);
	while (n < MW_CAUSES_FAULTS && all[n].probability > 0) {
		ret_belief[n] = all[n];
		ret_belief[n].probability /= sum;
		n++;
	}
	return n;
}
