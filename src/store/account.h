/* Accounts: who may use the admin API, and their tokens. */
#ifndef US_STORE_ACCOUNT_H
#define US_STORE_ACCOUNT_H

#include "store/store.h"

enum us_role { US_ROLE_MONITOR, US_ROLE_OPERATOR, US_ROLE_ADMIN, US_ROLE_COUNT }; /* each may what those before it may */
const char *us_role_text(enum us_role role); /* "monitor", "operator", "admin" */
bool us_role_parse(struct us_slice text, enum us_role *ret_role);

struct us_account {
	struct us_slice name;
	enum us_role role;
	struct us_slice password_hash; /* argon2id */
	int64_t created, updated;
};
struct us_token {
	int64_t id;
	struct us_slice name;
	enum us_role role;
	int64_t created, expires; /* expires 0: never */
};

/* Goes up with every change of an account or a token, in this process: caches compare it. */
uint64_t us_account_generation(void);

enum us_errc us_account_add(struct us_dbc *c, struct us_slice name, enum us_role role, const char *password_hash, int64_t now_s,
	struct us_err *err); /* US_CONFLICT: is there */
enum us_errc us_account_find(struct us_dbc *c, struct us_arena *arena, struct us_slice name, struct us_account *ret_account, struct us_err *err);
enum us_errc us_account_list(struct us_dbc *c, struct us_arena *arena, struct us_account **ret_list, size_t *ret_n, struct us_err *err);
/* password_hash NULL keeps it, role US_ROLE_COUNT keeps it. US_CONFLICT: the last admin would be gone. */
enum us_errc us_account_change(struct us_dbc *c, struct us_slice name, enum us_role role, const char *password_hash, int64_t now_s,
	struct us_err *err);
enum us_errc us_account_remove(struct us_dbc *c, struct us_slice name, struct us_err *err); /* US_CONFLICT: the last admin */

/* The token's SHA-256 is what is stored. */
enum us_errc us_token_add(struct us_dbc *c, struct us_slice name, enum us_role role, const char sha256[65], int64_t expires, int64_t now_s,
	int64_t *ret_id, struct us_err *err);
enum us_errc us_token_find(struct us_dbc *c, struct us_arena *arena, const char sha256[65], struct us_token *ret_token, struct us_err *err);
enum us_errc us_token_list(struct us_dbc *c, struct us_arena *arena, struct us_token **ret_list, size_t *ret_n, struct us_err *err);
enum us_errc us_token_remove(struct us_dbc *c, int64_t id, struct us_err *err);

#endif
