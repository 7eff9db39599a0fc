/* Logic: a tree of and, or and not over leaves that mean something to its owner: a search, a filter.
 *
 * It is built from a text with brackets by us_logic_builder, without recursion and within bounds, and is judged without recursion or
 * memory. A leaf is a struct of the owner's whose first member is a struct us_logic.
 */
#ifndef US_MODEL_LOGIC_H
#define US_MODEL_LOGIC_H

#include "base/arena.h"
#include "base/err.h"

enum us_logic_kind { US_LOGIC_LEAF, US_LOGIC_AND, US_LOGIC_OR, US_LOGIC_NOT };

struct us_logic {
	enum us_logic_kind kind;
	struct us_logic *parent, *first, *next; /* and, or: at least two below, or as few as was said; not: one; a leaf: none */
};

/* Whether the tree is true. `leaf` is asked of each leaf that counts, in order, until the answer is known. */
bool us_logic_is_true(const struct us_logic *root, bool (*leaf)(const struct us_logic *leaf, void *data), void *data);

/* The leaf behind `leaf`, in the order in which they were written; the first one for NULL; NULL behind the last one. */
const struct us_logic *us_logic_next(const struct us_logic *root, const struct us_logic *leaf);

/* Puts child behind the children that parent has. */
void us_logic_add(struct us_logic *parent, struct us_logic *child);

/* ---- from a text: or binds loosest, and above it, not and brackets tightest ---- */

enum { US_LOGIC_MAX_DEPTH = 32, US_LOGIC_MAX_LEAVES = 1000 };

/* What stands between two brackets: terms of an or, the last of which is a chain of and, still open. */
struct us_logic_level {
	struct us_logic any, all; /* of kind or, and: lists alone */
	struct us_logic *any_last, *all_last;
	bool is_negated;
};

/* Invariant: level[0..depth] are open, innermost last; wants_operand says whether an operand or an operator comes next. */
struct us_logic_builder {
	struct us_arena *arena;
	struct us_logic_level level[US_LOGIC_MAX_DEPTH + 1];
	unsigned depth, n_leaves;
	bool wants_operand, is_negated; /* is_negated: a not was said of the operand to come */
};

/* Each gives NULL, or what is wrong, as the end of a sentence that begins with the place. The tree lives in arena. */
void us_logic_begin(struct us_logic_builder *b, struct us_arena *arena);
const char *us_logic_put_leaf(struct us_logic_builder *b, struct us_logic *leaf);
const char *us_logic_put_operator(struct us_logic_builder *b, enum us_logic_kind kind); /* and, or; not: before an operand */
const char *us_logic_open(struct us_logic_builder *b);
const char *us_logic_close(struct us_logic_builder *b);
const char *us_logic_end(struct us_logic_builder *b, const struct us_logic **ret_root);

#endif
