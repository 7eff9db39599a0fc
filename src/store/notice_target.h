/* Notice targets: where notices go. The secrets of a configuration are sealed, each bound to its target and
 * field. */
#ifndef US_STORE_NOTICE_TARGET_H
#define US_STORE_NOTICE_TARGET_H

#include "store/sealed.h"
#include "store/store.h"

struct us_notice_target {
	int64_t id;
	struct us_slice name, kind; /* "webhook", "mail" */
	bool enabled;
	const struct us_json *configuration;
	int64_t created, updated;
};

/* configuration must have been checked. US_CONFLICT: the name is taken. */
enum us_errc us_notice_target_create(const struct us_store *store, struct us_dbc *c, struct us_slice name,
	struct us_slice kind, const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id,
	struct us_err *err);
enum us_errc us_notice_target_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena,
	int64_t id, enum us_secrets secrets, struct us_notice_target *ret_target, struct us_err *err);
enum us_errc us_notice_target_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena,
	enum us_secrets secrets, struct us_notice_target **ret_list, size_t *ret_n, struct us_err *err);
/* A secret given as "***" keeps the stored one; name NONE keeps the name. */
enum us_errc us_notice_target_save(const struct us_store *store, struct us_dbc *c, int64_t id,
	struct us_slice name, const struct us_json *configuration, bool enabled, int64_t now_s,
	struct us_err *err);
enum us_errc us_notice_target_disable(struct us_dbc *c, int64_t id, int64_t now_s, struct us_err *err);
enum us_errc us_notice_target_delete(
	struct us_dbc *c, int64_t id, struct us_err *err); /* and its deliveries */

#endif
