/* Retired: users that a connector of type `inactive` cleaned up, as the directory's own connector has to see them. Its runs leave what was done to
 * them until the user has logged in (store/login.h) since.
 *
 * Of a user that is there the mark is part of its row (us_user_image.retired), so plans show it and an undo takes it back. Of one that was deleted a
 * row of hashes stays, of the id and of the folded name; it goes when a user with that id is added, when a login under that name is reported,
 * and with the directory.
 */
#ifndef US_STORE_RETIRED_H
#define US_STORE_RETIRED_H

#include "model/have.h"
#include "model/record.h"
#include "store/store.h"

/* Gives the users of a whole index (in the order of their numbers) their flags, and have->gone. Who has logged in since gets a content hash that
 * differs from any, so that the plan looks at them. */
enum us_errc us_retired_mark(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err);
/* Ids of the users who have logged in since they were cleaned up, and whom no run has looked at since: no feed of changes names them for that. */
enum us_errc us_retired_list_waking(struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice **ret_ids, size_t *ret_n,
	struct us_err *err);
/* For an index of some objects: a single update is asked for by name, mostly at a login, so it treats all as if they had logged in. */
enum us_errc us_retired_wake(struct us_dbc *c, int64_t directory, struct us_have *have, struct us_err *err);

/* The user is being deleted. */
enum us_errc us_retired_add(struct us_dbc *c, int64_t directory, const struct us_user *user, int64_t connector, int64_t now_s, struct us_err *err);
enum us_errc us_retired_remove(struct us_dbc *c, int64_t directory, struct us_slice id, struct us_err *err);
/* Whether the user of that id is one who was deleted; whether there are any in the directory. */
enum us_errc us_retired_is_gone(struct us_dbc *c, int64_t directory, struct us_slice id, bool *ret_is, struct us_err *err);
enum us_errc us_retired_has_gone(struct us_dbc *c, int64_t directory, bool *ret_has, struct us_err *err);
/* A login under a name that the directory does not have. *ret_is: it was that of a deleted user, who may come back now, with a sync that reads
 * everybody; a login in the very second of the cleanup came after it. */
enum us_errc us_retired_return(struct us_dbc *c, int64_t directory, struct us_slice name, int64_t at, bool *ret_is, struct us_err *err);

#endif
