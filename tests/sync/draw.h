/* Draws random rounds: a directory, a listing and a configuration, as the parts of a case's text. The same seed draws the same round. */
#ifndef US_TESTS_SYNC_DRAW_H
#define US_TESTS_SYNC_DRAW_H

#include "sync/case_world.h"

struct draw {
	uint64_t state;
};

uint32_t draw_below(struct draw *d, uint32_t n);    /* 0 … n - 1 */
bool draw_one_in(struct draw *d, uint32_t n);

/* Each line can be left out and the rest is a case still. */
struct round {
	struct lines config;  /* members of the configuration; those that need each other are one line */
	struct lines before;  /* in this order: users and groups before their memberships, one membership a line */
	struct lines listing;
	char *single;         /* the name of a single update; NULL: a full sync */
	bool is_calm;         /* of stages or of required groups: no delta is asked of it */
};

void draw_round(struct draw *d, struct round *ret_round);
/* One in which nothing fails and some are missing: what becomes of them by stages. */
void draw_stages(struct draw *d, struct round *ret_round);
/* The same of groups that are required. */
void draw_required(struct draw *d, struct round *ret_round);
void draw_free(struct round *round);
/* The text of a case. Memberships of what was left out are left out. Owns: the result, until free. */
char *draw_text(const struct round *round);
/* The listing in another order and on other pages. */
void draw_shuffle(struct draw *d, const struct round *round, struct lines *ret_listing);

#endif
