/*
 * automaton.h -- which bytes may follow: a deterministic automaton made from a schema.
 *
 * A node has edges (ranges of bytes), may go on as another node does (`also`), and may be within a
 * string: then any character that is admitted there leads to `after_char`.  Characters are UTF-8,
 * escapes (\" \\ \/ \b \f \n \r \t) or whole references; how far one is read stands beside the node
 * (struct lm_place), so that a string of n characters takes n nodes whatever the characters are.
 *
 * No place is a dead end: from every place that is reached some byte leads on, and every such byte
 * is a token of its own.
 */
#ifndef MW_LM_AUTOMATON_H
#define MW_LM_AUTOMATON_H

#include "model/engine/arena.h"
#include "model/engine/millwright_lm.h"

#define LM_NO_NODE        0xFFFFFFFFu
#define LM_MAX_NODES      (1u << 20)
#define LM_MAX_EDGES      (1u << 21)
#define LM_MAX_REFERENCES 4096u
#define LM_MAX_REFERENCE  128u /* bytes of one */

struct lm_edge {
	uint8_t low, high;
	uint32_t next; /* node */
	uint32_t link; /* the node's next edge, or LM_NO_NODE */
};

struct lm_node {
	uint32_t edges;      /* the first one, or LM_NO_NODE */
	uint32_t also;       /* node, or LM_NO_NODE */
	uint32_t after_char; /* node, or LM_NO_NODE: not within a string */
	uint32_t more;       /* characters that may follow one another here; LM_NO_NODE: no end */
	uint32_t twin;       /* the node, perhaps itself, that admits the same tokens */
	uint32_t distance;   /* bytes to the end, at least */
	bool final;
};

/* References as a tree of bytes; 0 is its root. */
struct lm_reference {
	uint8_t byte;
	uint32_t child, sibling; /* or LM_NO_NODE */
	uint32_t rest;           /* bytes to the end of the shortest one that goes on here */
	uint32_t whole;          /* bytes of that one */
	bool ends;               /* one ends here */
};

struct lm_automaton {
	struct lm_node *nodes;
	struct lm_edge *edges;
	uint32_t n_nodes, n_edges, room_nodes, room_edges;
	struct lm_reference *references; /* NULL: none, and braces are characters */
	uint32_t n_references, longest_reference;
	bool ascii[128];   /* characters that a string may hold, escapes left out */
	bool escapes;      /* there may be some */
	bool wide;         /* there may be characters past ASCII */
	bool no_numbers;   /* of which none is a number */
	uint32_t start;    /* node */
	uint32_t farthest; /* largest distance of a node */
};

struct lm_place {
	uint32_t node;
	uint32_t within; /* a character; 0: between characters */
};

/* The place after a byte; false, and the place untouched, if it is not admitted. */
bool lm_automaton_step(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte);

/* Whether a character may stand in a string as it is, without an escape or a reference. */
bool lm_automaton_char(const struct lm_automaton *automaton, uint32_t c);

/* Whether the text may end here; whether it must. */
bool lm_automaton_may_end(const struct lm_automaton *automaton, struct lm_place place);
bool lm_automaton_must_end(const struct lm_automaton *automaton, struct lm_place place);

/* Bytes to the end, at most so many in the best case: the text can be finished with as many
 * tokens. */
uint32_t lm_automaton_distance(const struct lm_automaton *automaton, struct lm_place place);

/* --- making one; false: no memory, or past the limits ------------------------------------------ */

bool lm_automaton_node(struct lm_automaton *automaton, uint32_t *ret_node);
bool lm_automaton_edge(struct lm_automaton *automaton, uint32_t node, uint8_t low, uint8_t high,
		       uint32_t next);

/* The node where the byte leads by an edge of this very node, or LM_NO_NODE. */
uint32_t lm_automaton_find(const struct lm_automaton *automaton, uint32_t node, uint8_t byte);

/* Adds a reference, which begins with '{' and ends with '}'. */
bool lm_automaton_reference(struct lm_automaton *automaton, const char *text, size_t size);

/* Fills in the distances; false: no memory. */
bool lm_automaton_measure(struct lm_automaton *automaton);

void lm_automaton_done(struct lm_automaton *automaton);

#endif
