/* Figures: how much is in the store, for a support bundle. */
#ifndef US_STORE_FIGURES_H
#define US_STORE_FIGURES_H

#include "store/store.h"

struct us_figures {
	int64_t schema; /* number of its newest step */
	int64_t bytes;  /* of the database, free pages included */
	int64_t connectors, directories, runs, accounts, tokens;
	int64_t users, active_users, groups, memberships; /* sums over all directories */
};

enum us_errc us_figures_load(struct us_dbc *c, struct us_figures *ret_figures, struct us_err *err);

#endif
