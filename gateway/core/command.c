#include "gateway/core/command.h"

#include <string.h>

static const char *const command_text[MW_N_COMMAND] = {"ack", "shelve", "unshelve", "feedback"};

const char *mw_command_text(enum mw_command_kind kind)
{
	return (unsigned)kind < MW_N_COMMAND ? command_text[kind] : "unknown";
}

int mw_command_from_text(const char *text)
{
	for (int i = 0; i < MW_N_COMMAND; i++)
		if (strcmp(command_text[i], text) == 0)
			return i;
	return -1;
}
