#include "model/logic.h"

void us_logic_add(struct us_logic *parent, struct us_logic *child)
{
	struct us_logic **into = &parent->first;

	while (*into)
		into = &(*into)->next;
	*into = child;
	child->parent = parent;
	child->next = NULL;
}

/* Invariant: `node` is the next to be judged, or, on the way up, has just been found to be `is`. */
bool us_logic_is_true(const struct us_logic *root, bool (*leaf)(const struct us_logic *leaf, void *data), void *data)
{
	const struct us_logic *node = root;

	for (;;) {
		while (node->kind != US_LOGIC_LEAF)
			node = node->first;
		bool is = leaf(node, data);
		for (;;) {
			if (node == root)
				return is;
			const struct us_logic *parent = node->parent;
			bool is_known = parent->kind == US_LOGIC_AND ? !is : parent->kind == US_LOGIC_OR ? is : true;
			if (!is_known && node->next) {
				node = node->next;
				break;
			}
			is = parent->kind == US_LOGIC_NOT ? !is : is;
			node = parent;
		}
	}
}

const struct us_logic *us_logic_next(const struct us_logic *root, const struct us_logic *leaf)
{
	const struct us_logic *node = leaf ? leaf : root;

	if (leaf) {
		while (node != root && !node->next)
			node = node->parent;
		if (node == root)
			return NULL;
		node = node->next;
	}
	while (node->kind != US_LOGIC_LEAF)
		node = node->first;
	return node;
}

/* ---- building ---- */

void us_logic_begin(struct us_logic_builder *b, struct us_arena *arena)
{
	b->arena = arena;
	b->depth = b->n_leaves = 0;
	b->wants_operand = true;
	b->is_negated = false;
	b->level[0] = (struct us_logic_level) { 0 };
}

static void append(struct us_logic *list, struct us_logic **last, struct us_logic *node)
{
	node->next = NULL;
	if (*last)
		(*last)->next = node;
	else
		list->first = node;
	*last = node;
}

static struct us_logic *make(struct us_logic_builder *b, enum us_logic_kind kind, struct us_logic *first)
{
	struct us_logic *node = us_arena_zalloc(b->arena, sizeof *node);

	node->kind = kind;
	node->first = first;
	for (struct us_logic *child = first; child; child = child->next)
		child->parent = node;
	return node;
}

/* One is itself; more are a node. */
static struct us_logic *take_list(struct us_logic_builder *b, struct us_logic *list, struct us_logic **last, enum us_logic_kind kind)
{
	struct us_logic *first = list->first;

	list->first = *last = NULL;
	return first->next ? make(b, kind, first) : first;
}

static void close_chain(struct us_logic_builder *b)
{
	struct us_logic_level *level = &b->level[b->depth];

	append(&level->any, &level->any_last, take_list(b, &level->all, &level->all_last, US_LOGIC_AND));
}

static void put_operand(struct us_logic_builder *b, struct us_logic *node, bool is_negated)
{
	struct us_logic_level *level = &b->level[b->depth];

	node->next = NULL;
	append(&level->all, &level->all_last, is_negated ? make(b, US_LOGIC_NOT, node) : node);
	b->wants_operand = false;
}

const char *us_logic_put_leaf(struct us_logic_builder *b, struct us_logic *leaf)
{
	if (!b->wants_operand)
		return "and, or or the end must stand here";
	if (++b->n_leaves > US_LOGIC_MAX_LEAVES)
		return "too many conditions";
	leaf->kind = US_LOGIC_LEAF;
	leaf->first = NULL;
	put_operand(b, leaf, b->is_negated);
	b->is_negated = false;
	return NULL;
}

const char *us_logic_put_operator(struct us_logic_builder *b, enum us_logic_kind kind)
{
	if (kind == US_LOGIC_NOT) {
		if (!b->wants_operand)
			return "and, or or the end must stand here";
		if (b->is_negated)
			return "not must not stand here twice";
		b->is_negated = true;
		return NULL;
	}
	us_assert(kind == US_LOGIC_AND || kind == US_LOGIC_OR);
	if (b->wants_operand)
		return "a condition must stand here";
	if (kind == US_LOGIC_OR)
		close_chain(b);
	b->wants_operand = true;
	return NULL;
}

const char *us_logic_open(struct us_logic_builder *b)
{
	if (!b->wants_operand)
		return "and, or or the end must stand here";
	if (b->depth == US_LOGIC_MAX_DEPTH)
		return "brackets are nested too deeply";
	b->level[++b->depth] = (struct us_logic_level) { .is_negated = b->is_negated };
	b->is_negated = false;
	return NULL;
}

static struct us_logic *finish(struct us_logic_builder *b)
{
	struct us_logic_level *level = &b->level[b->depth];

	close_chain(b);
	return take_list(b, &level->any, &level->any_last, US_LOGIC_OR);
}

const char *us_logic_close(struct us_logic_builder *b)
{
	if (b->wants_operand)
		return "a condition must stand here";
	if (!b->depth)
		return "this bracket was not opened";
	struct us_logic *inside = finish(b);
	bool is_negated = b->level[b->depth--].is_negated;
	put_operand(b, inside, is_negated);
	return NULL;
}

const char *us_logic_end(struct us_logic_builder *b, const struct us_logic **ret_root)
{
	if (b->wants_operand)
		return "a condition must stand here";
	if (b->depth)
		return "a bracket is not closed";
	struct us_logic *root = finish(b);
	root->parent = NULL;
	*ret_root = root;
	return NULL;
}
