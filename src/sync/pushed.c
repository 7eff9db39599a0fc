#include "sync/pushed.h"

#include <stdlib.h>

#include "store/pushed.h"

/* What was pushed to a connector, in one snapshot. */
struct records {
	struct us_dbc *c;
	int64_t connector;
};

static enum us_errc load_state(void *data, struct us_pushed_state *ret_state, struct us_err *err)
{
	struct records *r = data;

	return us_pushed_load_state(r->c, r->connector, ret_state, err);
}

static enum us_errc find(void *data, struct us_arena *arena, bool is_group, enum us_pushed_key by, struct us_slice text, uint32_t number,
	struct us_pushed *ret_pushed, struct us_err *err)
{
	struct records *r = data;

	return us_pushed_find(r->c, arena, r->connector, is_group, by, text, number, ret_pushed, err);
}

static enum us_errc list(void *data, struct us_arena *arena, bool is_group, uint32_t after, size_t most, struct us_pushed **ret_list, size_t *ret_n,
	struct us_err *err)
{
	struct records *r = data;
	const struct us_pushed_place place = { .at = after };

	return us_pushed_list(r->c, arena, r->connector, is_group, US_PUSHED_ORDER_NUMBER, false, &place, 0, most, ret_list, ret_n, err);
}

static enum us_errc list_changed(void *data, struct us_arena *arena, int64_t after_change, size_t most, struct us_pushed **ret_list, size_t *ret_n,
	struct us_err *err)
{
	struct records *r = data;

	return us_pushed_list_changed(r->c, arena, r->connector, after_change, most, ret_list, ret_n, err);
}

static enum us_errc list_members(void *data, struct us_arena *arena, uint32_t group, struct us_pushed_member **ret_list, size_t *ret_n, struct us_err *err)
{
	struct records *r = data;

	return us_pushed_list_members(r->c, arena, r->connector, group, ret_list, ret_n, err);
}

static enum us_errc list_groups(void *data, struct us_arena *arena, uint32_t member, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err)
{
	struct records *r = data;

	return us_pushed_list_groups(r->c, arena, r->connector, member, ret_list, ret_n, err);
}

static void close_records(void *data)
{
	struct records *r = data;

	us_db_release(r->c);
	free(r);
}

static enum us_errc give_records(struct us_store *store, const struct us_connector *connector, struct us_source *source, struct us_err *err)
{
	struct records *r = us_calloc(1, sizeof *r);
	enum us_errc rc = us_db_lease_reader(store->db, &r->c, err);

	if (rc) {
		free(r);
		return rc;
	}
	r->connector = connector->id;
	rc = us_db_begin(r->c, err);
	if (rc) {
		close_records(r);
		return rc;
	}
	source->ops->take_records(source, &(struct us_source_records) { r, load_state, find, list, list_changed, list_members, list_groups, close_records });
	return US_OK;
}

enum us_errc us_pushed_open_source(struct us_store *store, const struct us_connector *connector, const struct us_json *configuration,
	const struct us_source_ops *ops, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err)
{
	const struct us_conf conf = { ops->type.options, configuration };
	struct us_source *source;
	enum us_errc rc = ops->open(&conf, cancel, &source, err);

	if (!rc && ops->take_records) {
		rc = give_records(store, connector, source, err);
		if (rc)
			ops->close(source);
	}
	if (!rc)
		*ret_source = source;
	return rc;
}
