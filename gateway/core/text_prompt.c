#include "gateway/core/text_prompt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_MOST    99   /* healthy spreads: past it a level says nothing more */
#define SYMPTOM_SHOWN 3.0f /* below it a symptom is usual */
#define PATCHES_LEAST 4

/* --- writing ---------------------------------------------------------------------------------- */

struct out {
	char *text;
	size_t size, used;
};

MW_PRINTF(2, 3) static void put(struct out *out, const char *fmt, ...)
{
	size_t room = out->size - out->used;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(out->text + out->used, room, fmt, args);
	va_end(args);
	out->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void put_number(struct out *out, double value)
{
	char text[48];

	put(out, "%s", isfinite(value) ? mw_explain_number(value, text, sizeof(text)) : "?");
}

static long level(double x)
{
	return isnan(x) ? 0 : lround(fmin(fmax(x, -LEVEL_MOST), LEVEL_MOST));
}

/* --- views ------------------------------------------------------------------------------------ */

void mw_text_view_of_prompt(const struct mw_asset *asset, const struct mw_prompt *prompt,
			    struct mw_text_view *ret_view)
{
	*ret_view = (struct mw_text_view){.asset = asset,
					  .language = mw_asset_language(asset),
					  .n_channel = prompt->n_rows - 1,
					  .patches = MW_WINDOW_PATCHES};
	memcpy(ret_view->channel, prompt->channel, ret_view->n_channel);
}

static bool is_shown(const struct mw_text_view *view, size_t channel)
{
	return memchr(view->channel, (int)channel, view->n_channel) != NULL;
}

/* The strongest channel that is not shown yet, -1: all are. */
static int strongest(const struct mw_text_view *view)
{
	const struct mw_evidence *evidence = mw_asset_evidence(view->asset);
	double most = -1;
	int best = -1;

	for (size_t c = 0; c < mw_evidence_n_channels(evidence); c++) {
		double weight = is_shown(view, c) ? -1 : mw_evidence_weight(evidence, c);

		if (weight <= most)
			continue;
		most = weight;
		best = (int)c;
	}
	return best;
}

void mw_text_view_of_event(const struct mw_asset *asset, struct mw_text_view *ret_view)
{
	const struct mw_event *event = mw_asset_event(asset);
	struct mw_text_view view = {
	    .asset = asset, .language = event->language, .patches = MW_WINDOW_PATCHES};
	int next;

	for (size_t i = 0; i < event->n_channel; i++)
		view.channel[view.n_channel++] = (uint8_t)event->channel[i].finding.channel;
	while (view.n_channel < MW_TEXT_CHANNELS && (next = strongest(&view)) >= 0)
		view.channel[view.n_channel++] = (uint8_t)next;
	*ret_view = view;
}

bool mw_text_view_shrink(struct mw_text_view *view, size_t least)
{
	if (view->patches > PATCHES_LEAST)
		view->patches /= 2;
	else if (view->n_channel > least && view->n_channel > 1)
		view->n_channel--;
	else
		return false;
	return true;
}

/* --- the window ------------------------------------------------------------------------------- */

static void put_symptoms(struct out *out, const struct mw_evidence *evidence, size_t c)
{
	for (int s = 0; s < MW_N_SYMPTOM; s++) {
		float size = mw_evidence_symptom(evidence, c, (enum mw_symptom_kind)s);

		if (fabsf(size) >= SYMPTOM_SHOWN)
			put(out, "; %s %ld", mw_symptom_text((enum mw_symptom_kind)s),
			    level((double)size));
	}
}

static void put_limits(struct out *out, const struct mw_profile_channel *known)
{
	if (!known || (isnan(known->low) && isnan(known->high)))
		return;
	put(out, "; limits ");
	put_number(out, known->low);
	put(out, " to ");
	put_number(out, known->high);
}

static void put_levels(struct out *out, const struct mw_text_view *view, size_t c)
{
	const struct mw_evidence *evidence = mw_asset_evidence(view->asset);
	unsigned lost = 0;

	put(out, "; levels");
	for (size_t p = MW_WINDOW_PATCHES - view->patches; p < MW_WINDOW_PATCHES; p++) {
		float feature[MW_N_FEATURES];

		mw_evidence_patch(evidence, c, p, feature);
		put(out, " %ld", level((double)feature[MW_F_LEVEL]));
		lost += mw_evidence_gap(evidence, c, p) >= 2;
	}
	if (lost > 0)
		put(out, "; readings lost in %u of %u", lost, view->patches);
}

/* What the other channels and the past do not explain, in the newest patch. */
static void put_unexplained(struct out *out, const struct mw_evidence *evidence, size_t c)
{
	float feature[MW_N_FEATURES];
	long size;

	mw_evidence_patch(evidence, c, MW_WINDOW_PATCHES - 1, feature);
	size = level((double)feature[MW_F_STATIC]);
	if (labs(size) >= 3)
		put(out, "; unexplained %ld", size);
}

static void put_channel(struct out *out, const struct mw_text_view *view, size_t i)
{
	const struct mw_assembler *assembler = mw_asset_assembler(view->asset);
	const struct mw_baseline *baseline = mw_asset_baseline(view->asset);
	const struct mw_evidence *evidence = mw_asset_evidence(view->asset);
	size_t c = view->channel[i];
	const char *unit = mw_assembler_unit(assembler, c);

	put(out, "c%zu %s", i + 1, mw_assembler_name(assembler, c));
	if (unit[0])
		put(out, " [%s]", unit);
	if (mw_asset_role(view->asset, c) != MW_ROLE_OTHER)
		put(out, " (%s)", mw_role_code(mw_asset_role(view->asset, c)));
	put(out, ": normal ");
	put_number(out, mw_baseline_location(baseline, c));
	put(out, " spread ");
	put_number(out, mw_baseline_scale(baseline, c));
	put(out, "; now ");
	put_number(out, mw_evidence_now(evidence, c));
	put_levels(out, view, c);
	put_unexplained(out, evidence, c);
	put_symptoms(out, evidence, c);
	put_limits(out, mw_asset_profile_channel(view->asset, c));
	put(out, "\n");
}

static void put_window(struct out *out, const struct mw_text_view *view)
{
	static const char *const mode[] = {"one regime", "steady", "settling after a switch",
					   "a regime that was never learnt"};
	const struct mw_evidence *evidence = mw_asset_evidence(view->asset);

	put(out,
	    "machine: %s; regime: %s; %zu of %zu channels; each level is the mean of %d rows\n",
	    mw_machine_code(mw_asset_machine(view->asset)), mode[mw_evidence_mode(evidence)],
	    view->n_channel, mw_evidence_n_channels(evidence), MW_PATCH_ROWS);
	for (size_t i = 0; i < view->n_channel; i++)
		put_channel(out, view, i);
}

/* --- the judge -------------------------------------------------------------------------------- */

const char *mw_text_judge_system(void)
{
	return "You watch a machine. Levels are multiples of a channel's healthy spread: 0 to 2 is "
	       "usual, 4 is unusual, 8 is gross; the newest is last. First answer with one word: "
	       "normal, operation (it is run differently), fault, or unknown. Then, on the next "
	       "line, name the fault and its channels, the cause first, as JSON: "
	       "{\"fault\":\"bearing_wear\",\"channels\":[\"c2\",\"c1\"]}";
}

size_t mw_text_judge_question(const struct mw_text_view *view, char *ret_text, size_t size)
{
	static const char *const kind[] = {
	    [MW_KIND_SENSOR] = "faults of a sensor",
	    [MW_KIND_PROCESS] = "faults of the machine",
	    [MW_KIND_OPERATION] = "operations",
	};
	struct out out = {.text = ret_text, .size = size};

	put_window(&out, view);
	for (size_t k = 0; k < sizeof(kind) / sizeof(kind[0]); k++) {
		if (!kind[k])
			continue;
		put(&out, "%s:", kind[k]);
		for (int f = 0; f < MW_N_FAULT; f++)
			if ((size_t)mw_fault_kind_of((enum mw_fault)f) == k)
				put(&out, " %s", mw_fault_code((enum mw_fault)f));
		put(&out, "\n");
	}
	return out.used;
}

/* --- the explainer ---------------------------------------------------------------------------- */

const char *mw_text_explain_system(enum mw_language language)
{
	if (language == MW_LANGUAGE_KO)
		return "당신은 기계의 경보를 현장 작업자에게 설명합니다. "
		       "한국어로 짧고 쉬운 문장을 하나에서 "
		       "세 개까지 JSON 배열로 쓰십시오. "
		       "숫자, 방향, 크기는 직접 쓰지 말고 목록에 있는 "
		       "{c1.value} 같은 참조로만 쓰십시오.";
	return "You explain a machine's alarm to the people who run it. Write one to three short "
	       "plain "
	       "sentences in English as a JSON array of texts. Say numbers, directions and sizes "
	       "only "
	       "by references such as {c1.value}, and only by those that are listed.";
}

static void put_reference(struct out *out, const struct mw_render *like, const char *name)
{
	struct mw_render render = *like;
	char word[128];

	if (!mw_text_reference_word(name, like->event->language, word, sizeof(word)))
		return;
	render.starts = false;
	mw_render_word(&render, word);
	put(out, "%s = %s\n", name, render.text);
}

/* What the fault library and the profile know of the fault. */
static void put_knowledge(struct out *out, const struct mw_render *like)
{
	const struct mw_event *event = like->event;
	const struct mw_fault_text *text =
	    like->library ? &like->library->fault[event->fault][event->language] : NULL;

	put(out, "verdict: %s; severity %u of 3; fault: %s\n", mw_verdict_text(event->verdict),
	    event->severity, mw_fault_name(like->library, event->fault, event->language));
	for (size_t i = 0; text && i < MW_FAULT_TEXTS && text->symptom[i]; i++)
		put(out, "%s%s", i == 0 ? "its symptoms: " : ", ", text->symptom[i]);
	if (text && text->symptom[0])
		put(out, "\n");
}

size_t mw_text_explain_question(const struct mw_text_view *view, const struct mw_render *like,
				const struct mw_text_references *references, char *ret_text,
				size_t size)
{
	struct out out = {.text = ret_text, .size = size};

	put_window(&out, view);
	put_knowledge(&out, like);
	put(&out, "references:\n");
	for (size_t i = 0; i < references->n; i++)
		put_reference(&out, like, references->name[i]);
	return out.used;
}
