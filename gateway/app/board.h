/*
 * board.h -- how every machine is just now, for whoever asks: written by the pipeline after each batch,
 * read by the API.  Any thread.
 */
#ifndef MW_APP_BOARD_H
#define MW_APP_BOARD_H

#include "gateway/app/fleet.h"

struct mw_board;

MW_MUST_CHECK mw_err mw_board_new(struct mw_board **ret_board);
void mw_board_free(struct mw_board *board);
/* Copies what the fleet's assets are.  The pipeline's thread. */
void mw_board_update(struct mw_board *board, const struct mw_fleet *fleet);
/* {"assets":[...]} in order of appearance; owned. */
MW_MUST_CHECK mw_err mw_board_json(struct mw_board *board, char **ret_text);

#endif
