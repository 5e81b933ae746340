/* example.c -- a model answers a message, as it is written: example MODEL.gguf MESSAGE
 *
 *     cc example.c $(pkg-config --cflags --libs millwright-lm) -o example */
#include <millwright_lm.h>
#include <stdio.h>

static bool print(void *file, const struct mw_lm_piece *piece)
{
	return fwrite(piece->text, 1, piece->size, file) == piece->size && fflush(file) == 0;
}

int main(int argc, char **argv)
{
	const struct mw_lm_message message = {MW_LM_USER, argc == 3 ? argv[2] : ""};
	const struct mw_lm_session_options room = {.max_tail = 500};
	const struct mw_lm_writer_options how = {.on_piece = print, .context = stdout};
	struct mw_lm *model = NULL;
	struct mw_lm_session *session = NULL;
	struct mw_lm_writer *writer = NULL;
	struct mw_lm_answer answer;
	uint32_t tokens[400];
	size_t n = 0;
	char why[256] = "";
	mw_lm_err err = mw_lm_open(argc == 3 ? argv[1] : "", NULL, &model, why, sizeof(why));

	if (!err)
		err = mw_lm_chat_encode(model, NULL, &message, 1, tokens, 400, &n);
	if (!err)
		err = mw_lm_session_new(model, &room, &session);
	if (!err)
		err = mw_lm_writer_new(model, &how, &writer);
	if (!err)
		err = mw_lm_write(writer, session, tokens, n, 100, &answer);
	if (err)
		(void)fprintf(stderr, "example: %s\n", why[0] ? why : mw_lm_err_text(err));
	mw_lm_writer_free(writer);
	mw_lm_session_free(session);
	mw_lm_close(model);
	return err ? 1 : 0;
}
