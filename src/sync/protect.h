/* Protect: members of the groups that `protectedUsers` names by "group:NAME", directly or through others, get
 * the flag of protected users. */
#ifndef US_SYNC_PROTECT_H
#define US_SYNC_PROTECT_H

#include "store/object.h"

/* have: its groups have their flags. is_some: the index holds only some objects (a single update); then the
 * groups are looked up from the users. */
enum us_errc us_protect_members(struct us_dbc *c, int64_t directory, const struct us_rules *rules,
	bool is_some, struct us_have *have, struct us_err *err);

#endif
