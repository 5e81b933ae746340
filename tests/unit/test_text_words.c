/* What a general model wrote: which sentences are taken, and what becomes of their references. */
#include "tests/unit/explain_fixture.h"

#include "gateway/core/text_words.h"

static mw_err add(struct mw_text_words *words, enum mw_language language, const char *sentence)
{
	return mw_text_words_add(words, language, sentence, strlen(sentence));
}

/* The event's explanation by these sentences. */
static const char *render(struct mw_event *event, const struct mw_text_words *words)
{
	struct mw_fault_library *library = make_library();

	mw_explain_texts(words->word, words->n, library, &seoul, event);
	mw_fault_library_free(library);
	return event->explanation;
}

static const struct {
	enum mw_language language;
	const char *sentence, *shown;
} said[] = {
    {MW_LANGUAGE_EN, "{c1.name} reads {c1.value}, {c1.dev} {c1.dir} its normal {c1.normal}.",
     "vib_de reads 7.123 mm/s, 4.2 times its healthy spread above its normal 2.3 mm/s."},
    {MW_LANGUAGE_EN, "Look at {c1.name}", "Look at vib_de."},
    {MW_LANGUAGE_EN, "It may be {fault} ({cause}); check {check}!",
     "It may be bearing wear (a worn cage); check the grease!"},
    {MW_LANGUAGE_KO, "{c1.name}이(가) 이상합니다. {fault}로 보입니다.",
     "vib_de가 이상합니다. 베어링 마모로 보입니다."},
    {MW_LANGUAGE_KO, "{check}를 점검하십시오", "그리스 상태를 점검하십시오."},
};

START_TEST(sentences_show_what_was_measured)
{
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct mw_event event = make_event(said[i].language);
		struct mw_text_words words = {0};

		ck_assert_msg(add(&words, said[i].language, said[i].sentence) == MW_E_OK, "%s",
			      said[i].sentence);
		ck_assert(mw_text_words_cite(&words) || !strstr(said[i].sentence, "{c1."));
		ck_assert_str_eq(render(&event, &words), said[i].shown);
		ck_assert_int_eq(event.form, MW_FORM_WORDS);
	}
}
END_TEST

START_TEST(what_may_not_be_said_is_refused_and_leaves_no_trace)
{
	static const struct {
		enum mw_language language;
		const char *sentence;
	} refused[] = {
	    {MW_LANGUAGE_EN, ""},
	    {MW_LANGUAGE_EN, "   "},
	    {MW_LANGUAGE_EN, "It reads 7."},
	    {MW_LANGUAGE_EN, "It is seven times as usual."},
	    {MW_LANGUAGE_EN, "The value is far above normal."},
	    {MW_LANGUAGE_EN, "The value ROSE."},
	    {MW_LANGUAGE_EN, "{c1.name} suddenly changed."},
	    {MW_LANGUAGE_EN, "{c9.value} is odd."},
	    {MW_LANGUAGE_EN, "{c1.peak} is odd."},
	    {MW_LANGUAGE_EN, "{c1.value"},
	    {MW_LANGUAGE_EN, "{c1.value}mm is odd."},
	    {MW_LANGUAGE_EN, "{c1.value}{c1.normal} is odd."},
	    {MW_LANGUAGE_EN, "odd odd"},
	    {MW_LANGUAGE_EN, "Die Pumpe l\xC3\xA4uft."},
	    {MW_LANGUAGE_EN, "펌프를 보십시오."},
	    {MW_LANGUAGE_EN, "a\xFF"},
	    {MW_LANGUAGE_EN, "<b>look</b>"},
	    {MW_LANGUAGE_EN, "a & b"},
	    {MW_LANGUAGE_EN, "abcdefghijklmnopqrstuvwxyzabc is a word"},
	    {MW_LANGUAGE_EN, "{c1.name} and {c1.name} and {c1.name}"},
	    {MW_LANGUAGE_KO, "Look at it."},
	    {MW_LANGUAGE_KO, "{c1.name} 값이 상승했습니다."},
	    {MW_LANGUAGE_KO, "값이 높습니다."},
	};
	struct mw_text_words words = {0};

	ck_assert_int_eq(add(&words, MW_LANGUAGE_EN, "Look."), MW_E_OK);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ck_assert_msg(add(&words, refused[i].language, refused[i].sentence) != MW_E_OK,
			      "%s", refused[i].sentence);
		ck_assert_uint_eq(words.n, 2);
	}
	ck_assert(!mw_text_words_cite(&words));
}
END_TEST

START_TEST(too_many_words_are_refused)
{
	struct mw_text_words words = {0};
	size_t taken = 0;

	while (add(&words, MW_LANGUAGE_EN, "Please look at it") == MW_E_OK)
		taken++;
	ck_assert_uint_eq(taken, MW_WORDS_MOST / 5);
	ck_assert_uint_le(words.n, MW_WORDS_MOST);
}
END_TEST

static bool offers(const struct mw_text_references *references, const char *name)
{
	for (size_t i = 0; i < references->n; i++)
		if (strcmp(references->name[i], name) == 0)
			return true;
	return false;
}

START_TEST(only_what_holds_of_the_event_is_offered)
{
	for (int language = 0; language < 2; language++) {
		struct mw_event event = make_event((enum mw_language)language);
		struct mw_fault_library *library = make_library();
		struct mw_text_references references;
		struct mw_render like;

		event.channel[0].claims.set = MW_CLAIM(ROSE) | MW_CLAIM(SUDDEN);
		event.claims = 0;
		mw_render_init(&like, library, &seoul, &event);
		mw_text_references(&like, &references);
		ck_assert(offers(&references, "{c1.value}"));
		ck_assert(offers(&references, "{c1.rose}"));
		ck_assert(offers(&references, "{c1.sudden}"));
		ck_assert(offers(&references, "{fault}"));
		ck_assert(!offers(&references, "{c1.fell}"));
		ck_assert(!offers(&references, "{c3.name}"));
		ck_assert(!offers(&references, "{others.steady}"));
		mw_fault_library_free(library);
	}
}
END_TEST

START_TEST(every_claim_has_words_in_both_languages)
{
	for (int language = 0; language < 2; language++)
		for (int claim = 0; claim < MW_N_CLAIM; claim++) {
			char name[MW_TEXT_NAME_SIZE], word[128];

			(void)snprintf(name, sizeof(name), "{c2.%s}",
				       mw_claim_text((enum mw_claim)claim));
			ck_assert_msg(mw_text_reference_word(name, (enum mw_language)language, word,
							     sizeof(word)),
				      "%s", name);
			ck_assert_ptr_nonnull(strchr(word, '|'));
		}
}
END_TEST

MW_TEST_MAIN("text_words", sentences_show_what_was_measured,
	     what_may_not_be_said_is_refused_and_leaves_no_trace, too_many_words_are_refused,
	     only_what_holds_of_the_event_is_offered, every_claim_has_words_in_both_languages)
