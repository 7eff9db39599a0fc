/* Probe: one user asked for at a source, under the stored configuration or another one in its place. What preview and explain share. */
#ifndef US_SYNC_PROBE_H
#define US_SYNC_PROBE_H

#include <stdatomic.h>

#include "model/mapping.h"
#include "source/source.h"
#include "store/connector.h"
#include "store/object.h"

struct us_probe {
	struct us_store *store;
	const atomic_bool *cancel;
	struct us_arena arena; /* of all that is found */
	struct us_connector connector;
	const struct us_json *configuration;
	const struct us_source_ops *ops;
	struct us_source *source; /* NULL until it is opened */
	struct us_mapping *mapping;
	struct us_page page;      /* what the source answered: the groups, then the user */
	struct us_record record;
	uint32_t existing_number;
	struct us_user_image *existing; /* NULL: nobody in the directory */
};

/* Finds the connector. configuration: in place of the stored one, checked before; a secret of it that is "***" is the stored one; NULL: the stored
 * one. store and cancel are set. Close it whatever comes. */
enum us_errc us_probe_open(struct us_probe *probe, struct us_slice connector, const struct us_json *configuration, struct us_err *err);
void us_probe_close(struct us_probe *probe);
enum us_errc us_probe_open_source(struct us_probe *probe, struct us_err *err);
/* Fills page and record. US_NOT_FOUND: the source knows nobody of that name or id. */
enum us_errc us_probe_ask(struct us_probe *probe, struct us_slice key, bool is_id, struct us_err *err);
/* Whom the directory has under the record's id; a directory that was deleted has nobody. */
enum us_errc us_probe_find_existing(struct us_probe *probe, struct us_err *err);

/* Members of an open object. */
void us_probe_put_values(struct us_jsonw *w, const char *key, const struct us_slice *values, size_t n);
void us_probe_put_rows(struct us_jsonw *w, const struct us_trace *trace);
void us_probe_put_record(struct us_jsonw *w, const struct us_record *record);
void us_probe_put_user(struct us_jsonw *w, const char *key, const struct us_user *user); /* NULL writes null */
const char *us_probe_outcome(enum us_mapped_kind kind); /* "WANTED", "FAILED", "FILTERED" */

#endif
