/*
 * event.h -- one anomaly of one asset, from raise to clear: the record that the store keeps, the
 * alert carries, and `show` prints.  Plain data; strings are fixed-size and NUL-terminated.
 */
#ifndef MW_CORE_EVENT_H
#define MW_CORE_EVENT_H

#include "gateway/core/embedding.h"

#define MW_NAME_SIZE        128 /* asset and channel names, bytes with NUL; longer ones are refused */
#define MW_UNIT_SIZE        32
#define MW_EVENT_ID_SIZE    24
#define MW_EVENT_CHANNELS   4
#define MW_TEXT_SIZE        1024
#define MW_MAX_CITATIONS    32
#define MW_EVENT_SIMILAR    3
#define MW_EVENT_CAUSES     3
#define MW_CODE_SIZE        64  /* of a site's own fault */
#define MW_PHRASE_SIZE      256 /* causes and checks */
#define MW_EVENT_MODEL_SIZE 64
#define MW_EVENT_JUDGE_SIZE 36 /* of it; a longer name is cut when somebody else words the event */
#define MW_EVENT_TELLER     "; words: "

/* The states of ISA-18.2 / IEC 62682. */
enum mw_alarm_state {
	MW_ALARM_NORMAL,
	MW_ALARM_UNACK_ACTIVE,
	MW_ALARM_ACK_ACTIVE,
	MW_ALARM_UNACK_RETURNED,
	MW_ALARM_SHELVED,
	MW_ALARM_OUT_OF_SERVICE
};
/* "normal", "unacknowledged-active", ... */
const char *mw_alarm_state_text(enum mw_alarm_state state);

enum mw_transition {
	MW_TRANSITION_RAISED,
	MW_TRANSITION_UPDATED,
	MW_TRANSITION_ACKED,
	MW_TRANSITION_CLEARED,
	MW_TRANSITION_SHELVED,
	MW_TRANSITION_UNSHELVED
};
const char *mw_transition_text(enum mw_transition transition); /* "raised", ... */

/* What an operator said of an event. */
enum mw_feedback { MW_FEEDBACK_NONE, MW_FEEDBACK_TRUE, MW_FEEDBACK_FALSE, MW_FEEDBACK_UNSURE };
const char *mw_feedback_text(enum mw_feedback feedback); /* "none", "true", "false", "unsure" */

enum mw_text_form { MW_FORM_WORDS, MW_FORM_SHORT, MW_FORM_TEMPLATE }; /* who worded it */
const char *mw_text_form_text(enum mw_text_form form);

/* Texts of the two enums of prompt.h: "normal", "operation", "fault", "unknown"; "en", "ko". */
const char *mw_verdict_text(enum mw_verdict verdict);
const char *mw_language_text(enum mw_language language);

/* And back, for what the store and the API hand in.  -1: no such text. */
int mw_alarm_state_from_text(const char *text);
int mw_transition_from_text(const char *text);
int mw_text_form_from_text(const char *text);
int mw_verdict_from_text(const char *text);
int mw_language_from_text(const char *text);
int mw_feedback_from_text(const char *text);

/* OPC UA severity, 1..1000: the three severities are its low, medium and high bands (1-333,
 * 334-666, 667-1000; OPC 10000-5, 6.4.2), the score places the event inside its band. */
unsigned mw_event_severity_opcua(unsigned severity, double score);

struct mw_event_channel {
	char name[MW_NAME_SIZE], unit[MW_UNIT_SIZE];
	struct mw_channel_finding finding;
	struct mw_claims claims; /* what may be said of it */
};

/* Which bytes of the text came from which statistic. */
struct mw_citation {
	uint16_t from, to;  /* byte span [from, to) of explanation */
	char reference[24]; /* "c1.value" */
	double value;       /* the number rendered, unrounded; NaN for names and words */
};

/* An earlier event of the same asset that looked alike when it was raised. */
struct mw_similar {
	char id[MW_EVENT_ID_SIZE];
	int64_t raised_ns;
	double similarity; /* of the windows' embeddings, MW_SIMILAR_LEAST..1 */
	enum mw_fault fault;
	bool acknowledged; /* somebody had acknowledged it */
	uint8_t feedback;  /* enum mw_feedback: what was last said of it */
};

struct mw_similar_list {
	size_t n;
	struct mw_similar event[MW_EVENT_SIMILAR]; /* most alike first */
};

/* Why a variable is held for the cause: one bit each. */
enum mw_why_cause {
	MW_WHY_DEVIATES = 1,      /* it deviates itself */
	MW_WHY_UPSTREAM = 2,      /* it drives what deviates, or the alarm: `of` */
	MW_WHY_FIRST_OUT = 4,     /* nothing deviated before it */
	MW_WHY_NOT_FOLLOWING = 8, /* it does not follow what drives it: `of` */
	MW_WHY_WEAK_POINT = 16,   /* the machine's profile says that it breaks here */
	MW_WHY_SITE = 32,         /* the site's own fault library describes what is seen */
	MW_WHY_ALL = 63
};
/* "deviates", "upstream", ... of one bit; NULL: no such bit.  And back, 0: no such text. */
const char *mw_why_cause_text(unsigned bit);
unsigned mw_why_cause_from_text(const char *text);

/* One of an event's likely causes. */
struct mw_event_cause {
	char channel[MW_NAME_SIZE], of[MW_NAME_SIZE]; /* "" = none */
	double probability; /* that the anomaly comes from this variable; calibrated */
	unsigned why;
	enum mw_fault fault;
	char site_fault[MW_CODE_SIZE]; /* instead: the site's own; "" = none */
	char name[MW_NAME_SIZE];       /* of the fault, for people, in the event's language */
	char cause[MW_PHRASE_SIZE], check[MW_PHRASE_SIZE];
};

struct mw_event {
	char id[MW_EVENT_ID_SIZE]; /* stable: from asset and raise time */
	char asset[MW_NAME_SIZE];
	enum mw_machine machine;
	enum mw_verdict verdict;
	enum mw_fault fault;
	unsigned severity;              /* 1..3 */
	double score, p_value;          /* at the last update */
	double fault_probability;       /* of the named fault, by the model */
	int64_t onset_ns;               /* start of the anomaly, in the data's time */
	bool onset_before_window;       /* the onset lies before what the window shows */
	uint8_t feedback;               /* enum mw_feedback, last said; the store alone knows it */
	int64_t raised_ns;              /* data time of the row at which it was raised */
	int64_t updated_ns, cleared_ns; /* 0 = not yet */
	enum mw_alarm_state state;
	uint32_t sequence; /* number of the last transition, from 0 */
	size_t n_channel;
	/* Most deviating or most causal first. */
	struct mw_event_channel channel[MW_EVENT_CHANNELS];
	struct mw_other_channels others; /* those that are not named */
	uint32_t claims;                 /* of them: bits by enum mw_event_claim */
	enum mw_language language;
	enum mw_text_form form;
	char explanation[MW_TEXT_SIZE];
	size_t n_citation;
	struct mw_citation citation[MW_MAX_CITATIONS];
	char cause[256], check[256]; /* from the fault library or profile, in `language` */
	/* Name and hash of the model file; then "; words: NAME" if another one worded it. */
	char model[MW_EVENT_MODEL_SIZE];
	int64_t window_from_ns, window_to_ns, period_ns;
	struct mw_similar_list similar; /* as of the raise */
	/* The site's own fault that the event is named by: its code, "" = none (then fault is
	 * UNKNOWN and fault_probability the entry's). */
	char site_fault[MW_CODE_SIZE];
	size_t n_cause;
	struct mw_event_cause likely[MW_EVENT_CAUSES]; /* likeliest first */
};

/* The event's id from asset and raise time: 16 hex digits of a 64-bit FNV-1a hash, "ev-" before. */
void mw_event_id(const char *asset, int64_t raised_ns, char ret_id[MW_EVENT_ID_SIZE]);

/* The part of event.model that names the judge, which made the window's embedding; returns buf. */
char *mw_event_judge(const struct mw_event *event, char buf[MW_EVENT_MODEL_SIZE]);

/* The window behind an event: for people, values and expectations of its named channels, row by
 * row; for comparison, its embedding. */
struct mw_event_window {
	size_t n_rows, n_channels; /* channels as in event.channel */
	int64_t from_ns, period_ns;
	double value[MW_WINDOW_ROWS * MW_EVENT_CHANNELS];
	double expected[MW_WINDOW_ROWS * MW_EVENT_CHANNELS];
	double spread[MW_WINDOW_ROWS * MW_EVENT_CHANNELS]; /* healthy, about what is expected */
	bool has_spread;                                   /* it is not stored */
	struct mw_embedding embedding; /* of the window at the raise; n = 0 later */
};

#endif
