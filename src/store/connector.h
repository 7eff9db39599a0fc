/* Connectors: the configured link from one source to one directory.
 *
 * The configuration is one JSON object. Its secrets are sealed at rest, each bound to its connector and field.
 */
#ifndef US_STORE_CONNECTOR_H
#define US_STORE_CONNECTOR_H

#include "base/json.h"
#include "store/sealed.h"
#include "store/store.h"

struct us_connector {
	int64_t id;
	struct us_slice uuid; /* uniqueId */
	struct us_slice name, type;
	int64_t directory;    /* 0 before the first save; may name a directory that was deleted */
	bool enabled;
	const struct us_json *configuration;
	struct us_slice applied_scope; /* JSON of the scope settings that the last applied full plan was made with; NONE before */
	int64_t created, updated;
};

/* key: a UUID or a decimal number. US_NOT_FOUND, also when it is neither. */
enum us_errc us_connector_find(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, struct us_slice key,
	enum us_secrets secrets, struct us_connector *ret_connector, struct us_err *err);
/* Its number alone, at a third of the cost: for what is asked every second. */
enum us_errc us_connector_find_id(struct us_dbc *c, struct us_slice key, int64_t *ret_id, struct us_err *err);
enum us_errc us_connector_list(const struct us_store *store, struct us_dbc *c, struct us_arena *arena, enum us_secrets secrets,
	struct us_connector **ret_list, size_t *ret_n, struct us_err *err);

/* A directory by what a setting says: the number of one, or the uniqueId or name of a connector that has one of its own. US_NOT_FOUND. */
enum us_errc us_connector_find_directory(const struct us_store *store, struct us_dbc *c, struct us_slice key, int64_t *ret_directory,
	struct us_err *err);

/* Makes the connector and its directory; of a type with a directory_option none is made, and US_CONFIG says that what it names is not there.
 * configuration must have been checked. US_CONFLICT: the name is taken. */
enum us_errc us_connector_create(const struct us_store *store, struct us_dbc *c, struct us_slice name, struct us_slice type,
	const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id, struct us_err *err);
/* The same under a unique id that comes from elsewhere, lower case. US_CONFLICT: it is there already. */
enum us_errc us_connector_create_as(const struct us_store *store, struct us_dbc *c, struct us_slice uuid, struct us_slice name,
	struct us_slice type, const struct us_json *configuration, bool enabled, int64_t now_s, int64_t *ret_id, struct us_err *err);
/* Takes its name from it until it is saved with another in the same transaction, so that two connectors can exchange theirs. */
enum us_errc us_connector_release_name(struct us_dbc *c, int64_t id, struct us_err *err);
/* Replaces the configuration; a secret given as "***" keeps the stored one. name NONE keeps it. A directory that was deleted is made again,
 * with a new id. */
enum us_errc us_connector_save(const struct us_store *store, struct us_dbc *c, int64_t id, struct us_slice name,
	const struct us_json *configuration, bool enabled, int64_t now_s, struct us_err *err);
/* A configuration that is not stored, with each secret that is "***" as the connector has it; the connector was found with US_SECRETS_CLEAR.
 * US_CONFIG: none is stored. */
enum us_errc us_connector_fill_secrets(const struct us_store *store, struct us_arena *arena, const struct us_connector *connector,
	const struct us_json *configuration, const struct us_json **ret_filled, struct us_err *err);
enum us_errc us_connector_delete(struct us_dbc *c, int64_t id, struct us_err *err); /* its directory and runs stay */
enum us_errc us_connector_set_applied_scope(struct us_dbc *c, int64_t id, struct us_slice scope, struct us_err *err);

#endif
