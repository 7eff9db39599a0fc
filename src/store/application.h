/* Applications: clients of the serving side, each with its own credentials and the directories that it sees, in order.
 *
 * A directory that a connector owns is kept by its connector: when it is deleted and made again, the application sees the new one.
 */
#ifndef US_STORE_APPLICATION_H
#define US_STORE_APPLICATION_H

#include "store/store.h"

enum us_right {
	US_RIGHT_READ = 1,         /* users, groups, memberships, events */
	US_RIGHT_WRITE = 2,        /* of local directories */
	US_RIGHT_AUTHENTICATE = 4, /* check users' passwords, hold sessions */
	US_RIGHT_COUNT = 3,
};
const char *us_right_text(unsigned right);                          /* "read", "write", "authenticate" */
bool us_right_parse(struct us_slice text, unsigned *ret_right);

struct us_application {
	int64_t id;
	struct us_slice name;
	struct us_slice password_hash; /* argon2id; NONE: no password */
	bool has_token;
	unsigned rights;               /* of enum us_right */
	struct us_slice addresses;     /* ranges that it may come from, with single spaces between; empty: any */
	const int64_t *directories;    /* in order, those that were deleted included */
	size_t n_directories;
	int64_t created, updated, last_used; /* wall seconds; 0: never */
};

/* Goes up with every change of an application, in this process: caches compare it. */
uint64_t us_application_generation(void);

/* US_CONFLICT: the name is taken. US_CONFIG: a directory is neither there nor any connector's; *ret_unknown says which. */
enum us_errc us_application_add(struct us_dbc *c, const struct us_application *application, int64_t now_s, int64_t *ret_id,
	int64_t *ret_unknown, struct us_err *err);
/* By name. US_NOT_FOUND. */
enum us_errc us_application_find(struct us_dbc *c, struct us_arena *arena, struct us_slice name, struct us_application *ret_application,
	struct us_err *err);
/* The one that has this token (its SHA-256). US_NOT_FOUND. */
enum us_errc us_application_find_token(struct us_dbc *c, struct us_arena *arena, const char sha256[65], struct us_application *ret_application,
	struct us_err *err);
enum us_errc us_application_list(struct us_dbc *c, struct us_arena *arena, struct us_application **ret_list, size_t *ret_n, struct us_err *err);
/* Replaces everything but its token. US_NOT_FOUND, US_CONFLICT, US_CONFIG as for add. */
enum us_errc us_application_save(struct us_dbc *c, const struct us_application *application, int64_t now_s, int64_t *ret_unknown,
	struct us_err *err);
/* The token's SHA-256 is what is stored; NULL takes it away. */
enum us_errc us_application_set_token(struct us_dbc *c, int64_t id, const char *sha256, int64_t now_s, struct us_err *err);
enum us_errc us_application_remove(struct us_dbc *c, struct us_slice name, struct us_err *err);
/* Before a connector is deleted: its directory stays, as a local one, and so it stays in sight. */
enum us_errc us_application_forget_connector(struct us_dbc *c, int64_t connector, struct us_err *err);
/* No change of the application: the generation stays. An application that is gone is passed over. */
enum us_errc us_application_note_used(struct us_dbc *c, int64_t id, int64_t at_s, struct us_err *err);

#endif
