/* Pushed: opens sources, and gives those that read what was pushed to this server the store's side of it. */
#ifndef US_SYNC_PUSHED_H
#define US_SYNC_PUSHED_H

#include "source/source.h"
#include "store/connector.h"

/* As ops->open, with the connector's configuration, or another one in its place. What was pushed is read as it is now, until the source is closed. */
enum us_errc us_pushed_open_source(struct us_store *store, const struct us_connector *connector, const struct us_json *configuration,
	const struct us_source_ops *ops, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err);

#endif
