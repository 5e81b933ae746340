/* schema_write.c -- answers of random-weight models to schemas, for tests/contract/schema.test:
 *
 *     schema_write N <SCHEMAS
 *     schema_write --model FILE       writes one of the models, with a chat template
 *
 * A schema a line, before it "free" or "no-digits" and a blank; {ch2.peak} and {asset.rms} are
 * references where digits are not free.  For every schema N answers, a line each, of models with
 * SentencePiece's and byte-level tokens in turn, by seeds 0, 1, ...; or "error: ..." once. */
#include "tests/unit/text_fixture.h"

#define MAX_TOKENS 1500u

struct answer {
	char text[1 << 16];
	size_t size;
};

static bool keep(void *context, const struct mw_lm_piece *piece)
{
	struct answer *answer = context;

	if (answer->size + piece->size >= sizeof(answer->text))
		return false;
	memcpy(answer->text + answer->size, piece->text, piece->size);
	answer->size += piece->size;
	return true;
}

static mw_lm_err write_one(const struct mw_lm *model, struct mw_lm_session *session,
			   const struct mw_lm_schema *schema, uint64_t seed, struct answer *answer)
{
	const struct mw_lm_writer_options options = {
	    .sampling = {.temperature = seed % 3 ? 1.5f : 0, .seed = seed, .top_p = 0.95f},
	    .schema = schema,
	    .mask_memory = seed % 2 ? 1 : 0,
	    .on_piece = keep,
	    .context = answer};
	uint32_t first = 1;
	struct mw_lm_answer ret;
	struct mw_lm_writer *writer = NULL;
	uint32_t shortest = mw_lm_schema_shortest(schema);
	mw_lm_err err = mw_lm_writer_new(model, &options, &writer);

	answer->size = 0;
	mw_lm_session_reset(session);
	if (!err && shortest > MAX_TOKENS)
		err = MW_LM_E_FULL;
	if (!err) /* in turn with much room and with none to spare */
		err = mw_lm_write(writer, session, &first, 1,
				  seed % 2 ? shortest + (size_t)seed : 400, &ret);
	if (!err && ret.ended != MW_LM_ENDED_BY_SCHEMA && ret.ended != MW_LM_ENDED_BY_TOKEN)
		err = MW_LM_E_STATE;
	mw_lm_writer_free(writer);
	return err;
}

static void write_all(struct mw_lm *const *models, struct mw_lm_session *const *sessions,
		      char *line, unsigned long n)
{
	static const char *const references[] = {"{ch2.peak}", "{asset.rms}"};
	static struct answer answer;
	bool no_digits = strncmp(line, "no-digits ", 10) == 0;
	const struct mw_lm_schema_options options = {no_digits, references, no_digits ? 2 : 0};
	const char *text = strchr(line, ' ');
	char why[256] = "";

	for (unsigned long i = 0; i < n; i++) {
		struct mw_lm_schema *schema = NULL;
		mw_lm_err err = mw_lm_schema_new(models[i % 2], text, strlen(text), &options,
						 &schema, why, sizeof(why));

		if (!err)
			err = write_one(models[i % 2], sessions[i % 2], schema, i, &answer);
		if (err)
			printf("error: %s %s\n", mw_lm_err_text(err), why);
		else
			printf("%.*s\n", (int)answer.size, answer.text);
		if (!err && !mw_lm_schema_admits(schema, answer.text, answer.size))
			printf("error: the schema does not admit it\n");
		mw_lm_schema_free(schema);
		if (err)
			return;
	}
}

static int write_model(const char *path)
{
	static const char *const specials[] = {"<|im_start|>", "<|im_end|>"};
	const struct text_model wanted = {
	    .template = "<|im_start|>", .specials = specials, .n_specials = 2, .seed = 5};
	size_t size;
	uint8_t *bytes = text_model_file(&wanted, &size);
	FILE *file = fopen(path, "wb");
	bool good = file && fwrite(bytes, 1, size, file) == size;

	free(bytes);
	return file && fclose(file) == 0 && good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct mw_lm *models[2];
	struct mw_lm_session *sessions[2];
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	size_t room = 0;
	char *line = NULL;
	ssize_t size;

	if (argc == 3 && strcmp(argv[1], "--model") == 0)
		return write_model(argv[2]);
	for (uint32_t i = 0; i < 2; i++) {
		models[i] = text_model_open(&(struct text_model){.spm = i == 0, .seed = i + 5});
		sessions[i] = text_session(models[i], 512);
	}
	while ((size = getline(&line, &room, stdin)) > 0) {
		line[size - 1] = '\0';
		write_all(models, sessions, line, n);
		puts("end");
	}
	free(line);
	for (uint32_t i = 0; i < 2; i++) {
		mw_lm_session_free(sessions[i]);
		mw_lm_close(models[i]);
	}
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
