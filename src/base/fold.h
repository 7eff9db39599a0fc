/* Folding of names: two names are one if their NFKC case folds are equal.
 *
 * Plain ASCII takes a fast path. Names that are no well-formed UTF-8 fold to their own bytes with a
 * marker in front, so they equal nothing else.
 * Spec: Unicode Standard Annex 15 (NFKC), section 3.13 (case folding), default ignorables dropped.
 */
#ifndef US_BASE_FOLD_H
#define US_BASE_FOLD_H

#include "base/hash.h"
#include "base/str.h"

struct us_arena;

/* NUL-terminated, in the arena. */
struct us_slice us_fold(struct us_arena *arena, struct us_slice name);
/* Hash of the folded name, without keeping it. */
struct us_hash us_fold_hash(struct us_slice name);

#endif
