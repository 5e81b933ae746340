#include "gateway/core/render.h"

#include <stdio.h>
#include <string.h>

/* --- fixed sentences -------------------------------------------------------------------------- */

/* What an event is about. */
enum topic {
	TOPIC_NORMAL = 1 << 0,
	TOPIC_OPERATION = 1 << 1,
	TOPIC_SENSOR = 1 << 2,
	TOPIC_PROCESS = 1 << 3,
	TOPIC_UNKNOWN = 1 << 4,
	TOPIC_ODD = TOPIC_OPERATION | TOPIC_SENSOR | TOPIC_PROCESS | TOPIC_UNKNOWN,
	TOPIC_FAULT = TOPIC_SENSOR | TOPIC_PROCESS | TOPIC_UNKNOWN
};

/* What there is to say. */
enum fact {
	FACT_ONSET = 1 << 0,
	FACT_CHANNEL = 1 << 1,
	FACT_MEASURE = 1 << 2, /* the first channel's numbers are numbers */
	FACT_DIRECTION = 1 << 3,
	FACT_SECOND = 1 << 4,
	FACT_THIRD = 1 << 5,
	FACT_CAUSE = 1 << 6,
	FACT_CHECK = 1 << 7,
	FACT_LASTING = 1 << 8
};

/* Said in this order, each whose topic fits, with all facts of `with` and none of `without`. */
static const struct sentence {
	unsigned topic, with, without;
	const char *text[2]; /* by enum mw_language */
} sentences[] = {
    {TOPIC_NORMAL,
     0,
     0,
     {"The machine runs as it did while it was learnt +.",
      "학습된 정상 상태로 운전되고 있습니다 +."}},

    {TOPIC_SENSOR,
     FACT_CHANNEL | FACT_ONSET,
     0,
     {"The sensor {c1.name} looks faulty since {onset} +: {fault} +.",
      "{onset} +부터 {c1.name} 센서 이상이 의심됩니다 +: {fault} +."}},
    {TOPIC_SENSOR,
     FACT_CHANNEL,
     FACT_ONSET,
     {"The sensor {c1.name} looks faulty +: {fault} +.",
      "{c1.name} 센서 이상이 의심됩니다 +: {fault} +."}},
    {TOPIC_SENSOR,
     FACT_ONSET,
     FACT_CHANNEL,
     {"A sensor looks faulty since {onset} +: {fault} +.",
      "{onset} +부터 센서 이상이 의심됩니다 +: {fault} +."}},
    {TOPIC_SENSOR,
     0,
     FACT_CHANNEL | FACT_ONSET,
     {"A sensor looks faulty +: {fault} +.", "센서 이상이 의심됩니다 +: {fault} +."}},

    {TOPIC_PROCESS,
     FACT_ONSET,
     0,
     {"{fault} suspected since {onset} +.", "{onset} +부터 {fault} {josa:이/가} 의심됩니다 +."}},
    {TOPIC_PROCESS, 0, FACT_ONSET, {"{fault} suspected +.", "{fault} {josa:이/가} 의심됩니다 +."}},

    {TOPIC_UNKNOWN,
     FACT_ONSET,
     0,
     {"The machine has left its usual pattern since {onset} +, in a way that fits no known "
      "fault +.",
      "{onset} +부터 알려진 고장 유형과 맞지 않는 이상이 있습니다 +."}},
    {TOPIC_UNKNOWN,
     0,
     FACT_ONSET,
     {"The machine has left its usual pattern +, in a way that fits no known fault +.",
      "알려진 고장 유형과 맞지 않는 이상이 있습니다 +."}},

    {TOPIC_OPERATION,
     FACT_ONSET,
     0,
     {"The machine has been run differently since {onset} +: {fault} +, which is not a "
      "fault +.",
      "{onset} +부터 운전 상태가 바뀌었습니다 +: {fault} +. 고장이 아닙니다 +."}},
    {TOPIC_OPERATION,
     0,
     FACT_ONSET,
     {"The machine is run differently +: {fault} +, which is not a fault +.",
      "운전 상태가 바뀌었습니다 +: {fault} +. 고장이 아닙니다 +."}},

    {TOPIC_ODD,
     FACT_MEASURE | FACT_DIRECTION,
     0,
     {"{c1.name} reads {c1.value} +, {c1.dev} {c1.dir} the expected {c1.normal} +.",
      "{c1.name} 측정값은 {c1.value} {josa:으로/로} +, 예상값 {c1.normal} +보다 "
      "{c1.dev} {c1.dir} 나타났습니다 +."}},
    {TOPIC_ODD,
     FACT_MEASURE,
     FACT_DIRECTION,
     {"{c1.name} reads {c1.value} where {c1.normal} is expected +.",
      "{c1.name} 측정값은 {c1.value} +, 예상값은 {c1.normal} +입니다 +."}},
    {TOPIC_ODD,
     FACT_CHANNEL,
     FACT_MEASURE,
     {"{c1.name} gives no usable reading +.", "{c1.name} 측정값을 쓸 수 없습니다 +."}},

    {TOPIC_ODD,
     FACT_SECOND,
     FACT_THIRD,
     {"{c2.name} deviates with it +.", "{c2.name} +도 함께 벗어났습니다 +."}},
    {TOPIC_ODD,
     FACT_THIRD,
     0,
     {"{c2.name} and {c3.name} deviate with it +.",
      "{c2.name} +, {c3.name} +도 함께 벗어났습니다 +."}},

    {TOPIC_FAULT,
     FACT_LASTING,
     0,
     {"It has lasted {duration} so far +.", "지금까지 {duration} 이어지고 있습니다 +."}},
    {TOPIC_FAULT, FACT_CAUSE, 0, {"Likely cause +: {cause} +.", "추정 원인 +: {cause} +."}},
    {TOPIC_FAULT, FACT_CHECK, 0, {"Check first +: {check} +.", "먼저 점검할 것 +: {check} +."}},
};

#define LASTING_NS 60000000000LL

static unsigned topic_of(const struct mw_event *event)
{
	switch (event->verdict) {
	case MW_VERDICT_NORMAL:
		return TOPIC_NORMAL;
	case MW_VERDICT_OPERATION:
		return TOPIC_OPERATION;
	default:
		break;
	}
	if (event->site_fault[0] != '\0')
		return TOPIC_PROCESS;
	switch (mw_fault_kind_of(event->fault)) {
	case MW_KIND_SENSOR:
		return TOPIC_SENSOR;
	case MW_KIND_PROCESS:
		return TOPIC_PROCESS;
	default:
		return TOPIC_UNKNOWN;
	}
}

/* Whether the reference renders: the renderer decides, so that the two never disagree. */
static bool renders(const struct mw_render *like, const char *words)
{
	struct mw_render render;

	mw_render_init(&render, like->library, like->opts, like->event);
	mw_render_words(&render, words);
	return !render.failed;
}

static bool is_lasting(const struct mw_event *event)
{
	int64_t now =
	    event->updated_ns > event->window_to_ns ? event->updated_ns : event->window_to_ns;

	return event->onset_ns != 0 && now > event->onset_ns && now - event->onset_ns >= LASTING_NS;
}

static unsigned facts_of(const struct mw_render *render)
{
	static const struct {
		enum fact fact;
		const char *words;
	} facts[] = {
	    {FACT_ONSET, "{onset}"},
	    {FACT_CHANNEL, "{c1.name}"},
	    {FACT_SECOND, "{c2.name}"},
	    {FACT_THIRD, "{c3.name}"},
	    {FACT_CAUSE, "{cause}"},
	    {FACT_CHECK, "{check}"},
	    {FACT_MEASURE, "{c1.name} {c1.value} {c1.normal} {c1.dev}"},
	};
	const struct mw_event *event = render->event;
	unsigned found = is_lasting(event) ? FACT_LASTING : 0;

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (renders(render, facts[i].words))
			found |= facts[i].fact;
	if (event->n_channel > 0 && event->channel[0].finding.direction != 0)
		found |= FACT_DIRECTION;
	return found;
}

/* A sentence is there as a whole or not at all. */
static void say(struct mw_render *render, const char *words)
{
	size_t size = render->size, n_citation = render->n_citation;

	mw_render_words(render, words);
	if (!render->failed)
		return;
	render->size = size;
	render->text[size] = '\0';
	render->n_citation = n_citation;
	render->starts = true;
	render->failed = false;
}

static void say_all(struct mw_render *render)
{
	unsigned topic = topic_of(render->event), facts = facts_of(render);
	enum mw_language language = render->event->language;

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		const struct sentence *s = &sentences[i];

		if ((s->topic & topic) && (s->with & ~facts) == 0 && (s->without & facts) == 0)
			say(render, s->text[language]);
	}
}

/* --- into the event --------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size) { /* not amid a character */
		n = size - 1;
		while (n > 0 && ((unsigned char)from[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(to, from, n);
	memset(to + n, 0, size - n);
}

/* What the box itself remembers, whoever worded the rest. */
static void say_seen_before(struct mw_render *render)
{
	static const char *const text[2][2] = {
	    {"A similar event was seen at {seen.time} +.",
	     "A similar event was seen at {seen.time} +. Its diagnosis then +: {seen.fault} +."},
	    {"{seen.time} +에도 비슷한 이벤트가 있었습니다 +.",
	     "{seen.time} +에도 비슷한 이벤트가 있었으며 +, "
	     "당시에는 {seen.fault} {josa:으로/로} 판단되었습니다 +."}};
	const struct mw_event *event = render->event;

	if (event->similar.n > 0)
		say(render,
		    text[event->language][event->similar.event[0].fault != MW_FAULT_UNKNOWN]);
}

static void store(const struct mw_render *render, enum mw_text_form form, struct mw_event *event)
{
	event->form = form;
	copy_text(event->explanation, sizeof(event->explanation), render->text);
	memset(event->citation, 0, sizeof(event->citation));
	memcpy(event->citation, render->citation, render->n_citation * sizeof(*render->citation));
	event->n_citation = render->n_citation;
	copy_text(event->cause, sizeof(event->cause), mw_render_cause(render));
	copy_text(event->check, sizeof(event->check), mw_render_check(render));
}

static void explain_fixed(const struct mw_fault_library *library,
			  const struct mw_explain_opts *opts, enum mw_text_form form,
			  struct mw_event *event)
{
	struct mw_render render;

	mw_render_init(&render, library, opts, event);
	say_all(&render);
	say_seen_before(&render);
	store(&render, form, event);
}

void mw_explain_template(const struct mw_fault_library *library, const struct mw_explain_opts *opts,
			 struct mw_event *event)
{
	explain_fixed(library, opts, MW_FORM_TEMPLATE, event);
}

void mw_explain_texts(const char *const *word, size_t n, const struct mw_fault_library *library,
		      const struct mw_explain_opts *opts, struct mw_event *event)
{
	struct mw_render render;

	mw_render_init(&render, library, opts, event);
	for (size_t i = 0; i < n; i++)
		mw_render_word(&render, word[i]);
	if (mw_render_is_whole(&render)) {
		say_seen_before(&render);
		store(&render, MW_FORM_WORDS, event);
	} else
		explain_fixed(library, opts, MW_FORM_SHORT, event);
}
