#include "gateway/core/embedding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INT8_MOST 127.0F

mw_err mw_embedding_center_reset(struct mw_embedding_center *center, uint32_t n_hidden)
{
	mw_embedding_center_done(center);
	if (n_hidden == 0)
		return MW_E_OK;
	center->mean = calloc(n_hidden, sizeof(*center->mean));
	if (!center->mean)
		return MW_E_NOMEM;
	center->n_hidden = n_hidden;
	return MW_E_OK;
}

void mw_embedding_center_done(struct mw_embedding_center *center)
{
	free(center->mean);
	*center = (struct mw_embedding_center){0};
}

void mw_embedding_learn(struct mw_embedding_center *center, const struct mw_reading *reading)
{
	uint32_t n = reading->n_hidden;

	if (!reading->hidden || n == 0 || n > MW_HIDDEN_MAX)
		return;
	if (n != center->n_hidden && mw_embedding_center_reset(center, n) != MW_E_OK)
		return;
	if (center->n_windows == MW_EMBEDDING_LEARN)
		return;
	center->n_windows++;
	for (uint32_t i = 0; i < n; i++)
		center->mean[i] +=
		    (reading->hidden[i] - center->mean[i]) / (float)center->n_windows;
}

static void make_unit(float *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)v[i] * (double)v[i];
	for (size_t i = 0; i < n && sum > 0; i++)
		v[i] = (float)((double)v[i] / sqrt(sum));
}

/* The largest probability of a patch that a fault is active in it. */
static float suspicion(const float logit[MW_WINDOW_PATCHES])
{
	float most = logit[0];

	for (size_t p = 1; p < MW_WINDOW_PATCHES; p++)
		most = fmaxf(most, logit[p]);
	return 1 / (1 + expf(-most));
}

static void quantize(const float *v, uint32_t n, struct mw_embedding *ret)
{
	float most = 0;

	for (uint32_t i = 0; i < n; i++)
		most = fmaxf(most, fabsf(v[i]));
	if (!(most > 0) || !isfinite(most))
		return;
	ret->n = n;
	ret->scale = most / INT8_MOST;
	for (uint32_t i = 0; i < n; i++)
		ret->value[i] = (int8_t)lrintf(v[i] * (INT8_MOST / most));
}

void mw_embedding_make(const struct mw_embedding_center *center, const struct mw_reading *reading,
		       const uint8_t *channel, size_t n_channels,
		       struct mw_embedding *ret_embedding)
{
	float v[MW_EMBEDDING_MAX] = {0};
	uint32_t n = reading->n_hidden;

	memset(ret_embedding, 0, sizeof(*ret_embedding));
	if (!reading->hidden || n == 0 || n != center->n_hidden || n_channels > MW_MAX_CHANNELS ||
	    center->n_windows < MW_EMBEDDING_LEARN_MIN)
		return;
	for (uint32_t i = 0; i < n; i++)
		v[i] = reading->hidden[i] - center->mean[i];
	for (uint32_t row = 1; row < reading->n_rows; row++)
		if (channel[row - 1] < n_channels)
			v[n + channel[row - 1]] = suspicion(reading->patch_logit[row]);
	make_unit(v, n);
	make_unit(v + n, n_channels);
	quantize(v, n + (uint32_t)n_channels, ret_embedding);
}

/* The scales fall out. */
double mw_embedding_cosine(const struct mw_embedding *a, const struct mw_embedding *b)
{
	int64_t aa = 0, bb = 0, ab = 0;

	for (uint32_t i = 0; i < a->n || i < b->n; i++) {
		int32_t x = i < a->n ? a->value[i] : 0, y = i < b->n ? b->value[i] : 0;

		aa += x * x;
		bb += y * y;
		ab += x * y;
	}
	if (aa == 0 || bb == 0)
		return 0;
	return fmin(fmax((double)ab / sqrt((double)aa * (double)bb), -1), 1);
}
