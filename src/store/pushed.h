/* Pushed: what an identity provider has pushed into a connector of type `scim`: users and groups as documents, members of groups as rows.
 *
 * Each write takes the connector's next change number and gives it to whatever it changed, so that what has changed since any of them can be told, and
 * no two resources ever have the same one. What was deleted stays as a row without document and name, with its number, externalId and change.
 * Nothing here is any directory's: a run reads it like any other source.
 */
#ifndef US_STORE_PUSHED_H
#define US_STORE_PUSHED_H

#include "model/pushed.h"
#include "store/store.h"

/* All 0 before the first push. */
enum us_errc us_pushed_load_state(struct us_dbc *c, int64_t connector, struct us_pushed_state *ret_state, struct us_err *err);
/* Counts a request that was refused. */
enum us_errc us_pushed_note_refused(struct us_dbc *c, int64_t connector, struct us_err *err);
/* Counts one that was accepted: once for each, with what it changed. */
enum us_errc us_pushed_note_accepted(struct us_dbc *c, int64_t connector, int64_t now_s, struct us_err *err);
/* A run has been started that reads all changes up to this one. */
enum us_errc us_pushed_note_run(struct us_dbc *c, int64_t connector, int64_t change, int64_t run, struct us_err *err);
/* Whether the directory is owed a run that plans what was pushed, and why. A run that is HELD, or that somebody decided about, owes nothing any more; nor
 * does any if a later full sync or delta, whoever started it, has not failed. */
enum us_pushed_owed {
	US_PUSHED_NOTHING,
	US_PUSHED_NEW,      /* none was started since the last push */
	US_PUSHED_GOING_ON, /* it is SCHEDULED or RUNNING */
	US_PUSHED_FAILED,   /* it has failed, or was interrupted */
	US_PUSHED_STOPPED,  /* it was cancelled, or waited too long for a decision */
};
enum us_errc us_pushed_load_owed(struct us_dbc *c, int64_t connector, enum us_pushed_owed *ret_owed, struct us_err *err);
/* Connectors for which it is not NOTHING. */
enum us_errc us_pushed_list_owed(struct us_dbc *c, struct us_arena *arena, int64_t **ret_connectors, size_t *ret_n, struct us_err *err);

/* US_NOT_FOUND, also of one that was deleted. number: of the first way alone; text: of the others. */
enum us_errc us_pushed_find(struct us_dbc *c, struct us_arena *arena, int64_t connector, bool is_group, enum us_pushed_key by, struct us_slice text,
	uint32_t number, struct us_pushed *ret_pushed, struct us_err *err);

/* Makes it, number 0, or replaces ext_id, name and document of the one with the number. One that is made with the externalId of one that was deleted is
 * that one again, under its number. *ret_number: may be NULL. US_CONFLICT with US_SCIM_UNIQUENESS: the name or externalId is another's,
 * or the directory keeps somebody else who was deleted, disabled, under the name. US_NOT_FOUND. */
enum us_errc us_pushed_put(struct us_dbc *c, struct us_arena *arena, int64_t connector, const struct us_pushed *pushed, int64_t now_s,
	uint32_t *ret_number, struct us_err *err);
/* Forgets who was deleted at `before_s` or earlier, by a change that the connector's directory has seen (its cursor, store/cursor.h), and is not kept
 * there either, disabled; at most so many at once. Who is pushed again afterwards is somebody new. */
enum us_errc us_pushed_has_deleted(struct us_dbc *c, int64_t connector, int64_t before_s, bool *ret_has, struct us_err *err); /* at or before */
enum us_errc us_pushed_forget_deleted(struct us_dbc *c, int64_t connector, int64_t before_s, size_t most, int64_t *ret_n, struct us_err *err);
/* With its memberships; the groups that it was in have changed. US_NOT_FOUND. */
enum us_errc us_pushed_delete(struct us_dbc *c, int64_t connector, bool is_group, uint32_t number, int64_t now_s, struct us_err *err);

/* Where a list goes on: behind the folded name of the last one, or its number or change. */
struct us_pushed_place {
	struct us_slice fold;
	int64_t at;
};
/* The next ones of a kind that are there. after NULL: from the first on, past `skip` of them. */
enum us_errc us_pushed_list(struct us_dbc *c, struct us_arena *arena, int64_t connector, bool is_group, enum us_pushed_order order, bool is_descending,
	const struct us_pushed_place *after, int64_t skip, size_t most, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err);
/* The next ones of both kinds, in the order of their changes, those that are gone among them. */
enum us_errc us_pushed_list_changed(struct us_dbc *c, struct us_arena *arena, int64_t connector, int64_t after_change, size_t most,
	struct us_pushed **ret_list, size_t *ret_n, struct us_err *err);

/* ---- members: users and groups that are in a group ---- */

/* To add who is in it, or to remove who is not, is no mistake. US_NOT_FOUND: the group, or who is added, is not there. */
enum us_errc us_pushed_add_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, bool is_group, struct us_err *err);
enum us_errc us_pushed_remove_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, struct us_err *err);
enum us_errc us_pushed_remove_members(struct us_dbc *c, int64_t connector, uint32_t group, struct us_err *err);
/* After the members of a group were written. */
enum us_errc us_pushed_touch(struct us_dbc *c, int64_t connector, uint32_t group, int64_t now_s, struct us_err *err);
enum us_errc us_pushed_has_member(struct us_dbc *c, int64_t connector, uint32_t group, uint32_t member, bool *ret_has, struct us_err *err);
/* The members of a group, or the groups that a user or group is itself in, in the order of their numbers. */
enum us_errc us_pushed_list_members(struct us_dbc *c, struct us_arena *arena, int64_t connector, uint32_t group, struct us_pushed_member **ret_list,
	size_t *ret_n, struct us_err *err);
enum us_errc us_pushed_list_groups(struct us_dbc *c, struct us_arena *arena, int64_t connector, uint32_t member, struct us_pushed **ret_list,
	size_t *ret_n, struct us_err *err);

#endif
