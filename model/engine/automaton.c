#include "model/engine/automaton.h"
#include "model/engine/unicode.h"

#include <stdlib.h>
#include <string.h>

/* lm_place.within: a backslash was read, or a part of a reference (the node of its tree), or the
 * first bytes of a character: the bits so far, bytes that are missing, bytes in all less 2. */
#define WITHIN_ESCAPE    0x80000000u
#define WITHIN_REFERENCE 0x40000000u
#define WITHIN_LEFT      21u
#define WITHIN_LENGTH    23u
#define CODE_MASK        0x1FFFFFu
#define LAST_CODE        0x10FFFFu
#define FIRST_WIDE       0xA0u /* C1 controls are left out */

/* Whether an admitted character lies in [low, high]: not a surrogate, and not a number where there
 * are to be none. */
static bool any_admitted(const struct lm_automaton *automaton, uint32_t low, uint32_t high)
{
	if (low < 0xE000 && low >= 0xD800)
		low = 0xE000;
	if (high > LAST_CODE)
		high = LAST_CODE;
	if (low <= high && automaton->no_numbers)
		low = lm_number_end(low);
	return low <= high && !(low >= 0xD800 && low < 0xE000);
}

bool lm_automaton_char(const struct lm_automaton *automaton, uint32_t c)
{
	if (c < 0x80)
		return automaton->ascii[c];
	return automaton->wide && c >= FIRST_WIDE && any_admitted(automaton, c, c);
}

static bool step_wide(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte)
{
	static const uint32_t least[] = {FIRST_WIDE, 0x800, 0x10000};
	uint32_t length = place->within >> WITHIN_LENGTH & 3;
	uint32_t left = (place->within >> WITHIN_LEFT & 3) - 1;
	uint32_t code = (place->within & CODE_MASK) << 6 | (byte & 0x3Fu);
	uint32_t low = code << 6 * left, high = low | ((1u << 6 * left) - 1);

	if ((byte & 0xC0) != 0x80)
		return false;
	if (!any_admitted(automaton, low > least[length] ? low : least[length], high))
		return false;
	if (left == 0)
		*place = (struct lm_place){automaton->nodes[place->node].after_char, 0};
	else
		place->within = length << WITHIN_LENGTH | left << WITHIN_LEFT | code;
	return true;
}

static bool begin_wide(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte)
{
	uint32_t left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;

	if (!automaton->wide || byte < 0xC2 || byte > 0xF4)
		return false;
	place->within =
	    (left - 1) << WITHIN_LENGTH | left << WITHIN_LEFT | (byte & (0x3Fu >> left));
	return true;
}

/* The node that is n characters further, or LM_NO_NODE. */
static uint32_t skip_chars(const struct lm_automaton *automaton, uint32_t node, uint32_t n)
{
	for (; n > 0 && node != LM_NO_NODE; n--)
		node = automaton->nodes[node].after_char;
	return node;
}

static uint32_t find_child(const struct lm_automaton *automaton, uint32_t at, uint8_t byte)
{
	const struct lm_reference *references = automaton->references;

	for (at = references[at].child; at != LM_NO_NODE; at = references[at].sibling)
		if (references[at].byte == byte)
			return at;
	return LM_NO_NODE;
}

static bool step_reference(const struct lm_automaton *automaton, struct lm_place *place,
			   uint32_t at, uint8_t byte)
{
	uint32_t child = find_child(automaton, at, byte), node;

	if (child == LM_NO_NODE)
		return false;
	node = skip_chars(automaton, place->node, automaton->references[child].whole);
	if (node == LM_NO_NODE)
		return false;
	if (automaton->references[child].ends)
		*place = (struct lm_place){node, 0};
	else
		place->within = WITHIN_REFERENCE | child;
	return true;
}

static bool begin_char(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte)
{
	if (byte == '\\' && automaton->escapes) {
		place->within = WITHIN_ESCAPE;
		return true;
	}
	if (byte == '{' && automaton->references)
		return step_reference(automaton, place, 0, byte);
	if (byte >= 0x80)
		return begin_wide(automaton, place, byte);
	if (!automaton->ascii[byte])
		return false;
	*place = (struct lm_place){automaton->nodes[place->node].after_char, 0};
	return true;
}

static bool step_char(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte)
{
	if (place->within & WITHIN_REFERENCE)
		return step_reference(automaton, place, place->within & ~WITHIN_REFERENCE, byte);
	if (!(place->within & WITHIN_ESCAPE))
		return step_wide(automaton, place, byte);
	if (byte == 0 || byte >= 0x80 || !strchr("\"\\/bfnrt", byte))
		return false;
	*place = (struct lm_place){automaton->nodes[place->node].after_char, 0};
	return true;
}

bool lm_automaton_step(const struct lm_automaton *automaton, struct lm_place *place, uint8_t byte)
{
	if (place->within)
		return step_char(automaton, place, byte);
	for (uint32_t at = place->node; at != LM_NO_NODE; at = automaton->nodes[at].also) {
		struct lm_place inner = {at, 0};
		uint32_t next = lm_automaton_find(automaton, at, byte);

		if (next != LM_NO_NODE)
			inner.node = next;
		else if (automaton->nodes[at].after_char == LM_NO_NODE ||
			 !begin_char(automaton, &inner, byte))
			continue;
		*place = inner;
		return true;
	}
	return false;
}

bool lm_automaton_may_end(const struct lm_automaton *automaton, struct lm_place place)
{
	uint32_t at = place.within ? LM_NO_NODE : place.node;

	for (; at != LM_NO_NODE; at = automaton->nodes[at].also)
		if (automaton->nodes[at].final)
			return true;
	return false;
}

bool lm_automaton_must_end(const struct lm_automaton *automaton, struct lm_place place)
{
	uint32_t at = place.node;

	if (!lm_automaton_may_end(automaton, place))
		return false;
	for (; at != LM_NO_NODE; at = automaton->nodes[at].also)
		if (automaton->nodes[at].edges != LM_NO_NODE ||
		    automaton->nodes[at].after_char != LM_NO_NODE)
			return false;
	return true;
}

uint32_t lm_automaton_distance(const struct lm_automaton *automaton, struct lm_place place)
{
	const struct lm_node *node = &automaton->nodes[place.node];
	const struct lm_reference *reference;

	if (place.within == 0)
		return node->distance;
	if (place.within & WITHIN_ESCAPE)
		return 1 + automaton->nodes[node->after_char].distance;
	if (!(place.within & WITHIN_REFERENCE))
		return (place.within >> WITHIN_LEFT & 3) +
		       automaton->nodes[node->after_char].distance;
	reference = &automaton->references[place.within & ~WITHIN_REFERENCE];
	return reference->rest +
	       automaton->nodes[skip_chars(automaton, place.node, reference->whole)].distance;
}

/* --- making one ------------------------------------------------------------------------------- */

bool lm_automaton_node(struct lm_automaton *automaton, uint32_t *ret_node)
{
	uint32_t at = automaton->n_nodes;

	if (at == automaton->room_nodes) {
		uint32_t room = at ? 2 * at : 64;
		struct lm_node *nodes;

		if (room > LM_MAX_NODES)
			return false;
		nodes = realloc(automaton->nodes, room * sizeof(*nodes));
		if (!nodes)
			return false;
		automaton->nodes = nodes;
		automaton->room_nodes = room;
	}
	automaton->nodes[at] = (struct lm_node){.edges = LM_NO_NODE,
						.also = LM_NO_NODE,
						.after_char = LM_NO_NODE,
						.twin = at,
						.distance = LM_NO_NODE};
	automaton->n_nodes++;
	*ret_node = at;
	return true;
}

bool lm_automaton_edge(struct lm_automaton *automaton, uint32_t node, uint8_t low, uint8_t high,
		       uint32_t next)
{
	uint32_t at = automaton->n_edges;

	if (at == automaton->room_edges) {
		uint32_t room = at ? 2 * at : 64;
		struct lm_edge *edges;

		if (room > LM_MAX_EDGES)
			return false;
		edges = realloc(automaton->edges, room * sizeof(*edges));
		if (!edges)
			return false;
		automaton->edges = edges;
		automaton->room_edges = room;
	}
	automaton->edges[at] = (struct lm_edge){low, high, next, automaton->nodes[node].edges};
	automaton->nodes[node].edges = at;
	automaton->n_edges++;
	return true;
}

uint32_t lm_automaton_find(const struct lm_automaton *automaton, uint32_t node, uint8_t byte)
{
	uint32_t at = automaton->nodes[node].edges;

	for (; at != LM_NO_NODE; at = automaton->edges[at].link)
		if (byte >= automaton->edges[at].low && byte <= automaton->edges[at].high)
			return automaton->edges[at].next;
	return LM_NO_NODE;
}

static bool add_child(struct lm_automaton *automaton, uint32_t at, uint8_t byte,
		      uint32_t *ret_child)
{
	struct lm_reference *references;
	uint32_t child = find_child(automaton, at, byte);

	if (child == LM_NO_NODE) {
		child = automaton->n_references;
		references = realloc(automaton->references, (child + 1ull) * sizeof(*references));
		if (!references)
			return false;
		automaton->references = references;
		references[child] = (struct lm_reference){
		    byte, LM_NO_NODE, references[at].child, LM_NO_NODE, LM_NO_NODE, false};
		references[at].child = child;
		automaton->n_references++;
	}
	*ret_child = child;
	return true;
}

bool lm_automaton_reference(struct lm_automaton *automaton, const char *text, size_t size)
{
	uint32_t at = 0, n = (uint32_t)size;

	if (!automaton->references) {
		automaton->references = malloc(sizeof(*automaton->references));
		if (!automaton->references)
			return false;
		automaton->references[0] =
		    (struct lm_reference){0, LM_NO_NODE, LM_NO_NODE, LM_NO_NODE, LM_NO_NODE, false};
		automaton->n_references = 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct lm_reference *reference;

		if (!add_child(automaton, at, (uint8_t)text[i], &at))
			return false;
		reference = &automaton->references[at];
		if (n < reference->whole) {
			reference->whole = n;
			reference->rest = n - i - 1;
		}
	}
	automaton->references[at].ends = true;
	if (n > automaton->longest_reference)
		automaton->longest_reference = n;
	return true;
}

/* Ways into a node: from where, and how many bytes (0 or 1). */
struct ways {
	uint32_t *first; /* [n_nodes + 1] into from */
	uint32_t *from;  /* node * 2 + bytes */
};

static void way_add(struct ways *ways, uint32_t from, uint32_t bytes, uint32_t to)
{
	if (to == LM_NO_NODE)
		return;
	if (ways->from)
		ways->from[--ways->first[to]] = from * 2 + bytes;
	else
		ways->first[to]++;
}

static void ways_walk(struct ways *ways, const struct lm_automaton *automaton)
{
	for (uint32_t i = 0; i < automaton->n_nodes; i++) {
		const struct lm_node *node = &automaton->nodes[i];

		for (uint32_t at = node->edges; at != LM_NO_NODE; at = automaton->edges[at].link)
			way_add(ways, i, 1, automaton->edges[at].next);
		way_add(ways, i, 1, node->after_char);
		way_add(ways, i, 0, node->also);
	}
}

static bool ways_init(struct ways *ways, const struct lm_automaton *automaton)
{
	uint32_t n = 0;

	ways->first = calloc(automaton->n_nodes + 1ull, sizeof(*ways->first));
	if (!ways->first)
		return false;
	ways_walk(ways, automaton);
	for (uint32_t i = 0; i <= automaton->n_nodes; i++) {
		n += ways->first[i];
		ways->first[i] = n;
	}
	ways->from = malloc((n + 1ull) * sizeof(*ways->from));
	if (ways->from)
		ways_walk(ways, automaton);
	return ways->from != NULL;
}

/* From the ends backwards, nearest first: what is no byte away is dealt with at once, what is one
 * byte away later. */
static void spread(struct lm_automaton *automaton, const struct ways *ways, uint32_t *queue)
{
	size_t first = ways->first[automaton->n_nodes] + 1ull, last = first;

	for (uint32_t i = 0; i < automaton->n_nodes; i++) {
		if (!automaton->nodes[i].final)
			continue;
		automaton->nodes[i].distance = 0;
		queue[last++] = i;
	}
	while (first < last) {
		uint32_t to = queue[first++], distance = automaton->nodes[to].distance;

		if (distance > automaton->farthest)
			automaton->farthest = distance;
		for (uint32_t i = ways->first[to]; i < ways->first[to + 1]; i++) {
			uint32_t bytes = ways->from[i] & 1;
			struct lm_node *node = &automaton->nodes[ways->from[i] / 2];

			if (distance + bytes >= node->distance)
				continue;
			node->distance = distance + bytes;
			if (bytes)
				queue[last++] = ways->from[i] / 2;
			else
				queue[--first] = ways->from[i] / 2;
		}
	}
}

bool lm_automaton_measure(struct lm_automaton *automaton)
{
	struct ways ways = {NULL, NULL};
	uint32_t *queue = NULL;
	bool good = false;

	if (ways_init(&ways, automaton)) {
		/* a node is met once a way at most, at either end */
		size_t n = 2ull * ways.first[automaton->n_nodes] + automaton->n_nodes + 2;

		queue = malloc(n * sizeof(*queue));
		good = queue != NULL;
		if (good)
			spread(automaton, &ways, queue);
	}
	free(queue);
	free(ways.first);
	free(ways.from);
	return good;
}

void lm_automaton_done(struct lm_automaton *automaton)
{
	free(automaton->nodes);
	free(automaton->edges);
	free(automaton->references);
	memset(automaton, 0, sizeof(*automaton));
}
