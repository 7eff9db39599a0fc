/* Export of connectors as a file for another server: model/transfer.h describes it */
#include <stdlib.h>

#include "api/handlers.h"
#include "api/transfer.h"
#include "base/envelope.h"
#include "model/difference.h"
#include "model/transfer.h"
#include "store/connector.h"

/* In order of the unique ids: the same connectors make the same file on each server. */
static int compare(const void *a, const void *b)
{
	return us_slice_compare(((const struct us_connector *)a)->uuid, ((const struct us_connector *)b)->uuid);
}

static enum us_errc load(struct us_call *call, enum us_secrets secrets, struct us_connector **ret_list,
	size_t *ret_n, struct us_err *err)
{
	const struct us_store *store = call->api->conf.store;
	struct us_slice key = call->parameters[0];
	enum us_errc rc = us_call_lease_reader(call, err);

	if (!rc && key.p) {
		*ret_n = 1;
		*ret_list = us_arena_alloc(call->arena, sizeof **ret_list);
		rc = us_connector_find(store, call->c, call->arena, key, secrets, *ret_list, err);
	} else if (!rc) {
		rc = us_connector_list(store, call->c, call->arena, secrets, ret_list, ret_n, err);
		if (!rc && *ret_n)
			qsort(*ret_list, *ret_n, sizeof **ret_list, compare);
	}
	us_call_release(call);
	return rc;
}

/* Only what the other server may take over: no number, no directory, no time. */
static void put_connector(struct us_jsonw *w, const struct us_connector *c)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_string(w, "uniqueId", c->uuid);
	us_jsonw_put_string(w, "name", c->name);
	us_jsonw_put_string(w, "type", c->type);
	us_jsonw_put_bool(w, "enabled", c->enabled);
	us_jsonw_key(w, "configuration");
	us_jsonw_value(w, c->configuration);
	us_jsonw_close(w, '}');
}

static void put_list(struct us_jsonw *w, const struct us_connector *list, size_t n)
{
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++)
		put_connector(w, &list[i]);
	us_jsonw_close(w, ']');
}

/* Takes each secret out of the connectors, which show "***" from then on. */
static void move_secrets(struct us_call *call, struct us_connector *list, size_t n, struct us_jsonw *w)
{
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < n; i++) {
		const struct us_type *type = us_type_find(call->api->conf.types, list[i].type);
		us_jsonw_key_slice(w, list[i].uuid);
		us_jsonw_open(w, '{');
		for (size_t j = 0; j < list[i].configuration->object.n; j++) {
			struct us_json_member *m = &list[i].configuration->object.members[j];
			if (!us_option_is_secret(type ? type->options : NULL, call->api->conf.sync_options, m->key) ||
				m->value.type != US_JSON_STRING || !m->value.string.n)
				continue;
			us_jsonw_key_slice(w, m->key);
			us_jsonw_string(w, m->value.string);
			us_secret_wipe((char *)m->value.string.p, m->value.string.n);
			m->value.string = US_SLICE(US_TRANSFER_HIDDEN);
		}
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, '}');
}

static enum us_errc put_envelope(struct us_call *call, struct us_connector *list, size_t n,
	struct us_slice passphrase, struct us_str *connectors, struct us_err *err)
{
	struct us_str plain = US_STR_INIT, secrets = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&plain), ws = US_JSONW_INIT(&secrets), wc = US_JSONW_INIT(connectors);
	char digest[65];

	us_str_reserve(&secrets, 1 << 20); /* so that growing leaves no copy behind */
	us_str_reserve(&plain, 1 << 20);
	move_secrets(call, list, n, &ws);
	put_list(&wc, list, n);
	us_secret_sha256(us_str_slice(connectors), digest);
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "digest", digest);
	us_jsonw_key(&w, "secrets");
	us_jsonw_raw(&w, us_str_slice(&secrets));
	us_jsonw_close(&w, '}');
	us_jsonw_key(&call->w, "connectors");
	us_jsonw_raw(&call->w, us_str_slice(connectors));
	us_jsonw_key(&call->w, "secrets");
	enum us_errc rc = us_envelope_seal(passphrase, us_str_slice(&plain), &call->w, err);
	us_secret_wipe_str(&plain);
	us_secret_wipe_str(&secrets);
	return rc;
}

/* passphrase NONE: without secrets. */
static enum us_errc answer(struct us_call *call, struct us_slice passphrase, struct us_err *err)
{
	struct us_str connectors = US_STR_INIT;
	struct us_connector *list;
	size_t n;
	enum us_errc rc = load(call, passphrase.p ? US_SECRETS_CLEAR : US_SECRETS_HIDDEN, &list, &n, err);

	if (rc)
		return rc;
	us_jsonw_open(&call->w, '{');
	us_jsonw_put_text(&call->w, "format", US_TRANSFER_FORMAT);
	us_jsonw_put_int(&call->w, "formatVersion", US_TRANSFER_VERSION);
	if (passphrase.p) {
		rc = put_envelope(call, list, n, passphrase, &connectors, err);
	} else {
		us_jsonw_key(&call->w, "connectors");
		put_list(&call->w, list, n);
	}
	us_jsonw_close(&call->w, '}');
	us_str_fini(&connectors);
	if (!rc)
		us_httpd_add_header(
			call->answer, "Content-Disposition", "attachment; filename=\"usersync-connectors.json\"");
	return rc;
}

enum us_errc us_transfer_refuse_in_query(struct us_call *call, struct us_err *err)
{
	if (us_target_parameter(&call->request->target, "passphrase").p)
		return us_err_set(err, US_INVALID,
			"a passphrase is never part of an address: give it as a member of the body, and take another "
			"one");
	return US_OK;
}

enum us_errc us_export_plain(struct us_call *call, struct us_err *err)
{
	enum us_errc rc = us_transfer_refuse_in_query(call, err);

	return rc ? rc : answer(call, US_SLICE_NONE, err);
}

enum us_errc us_export_sealed(struct us_call *call, struct us_err *err)
{
	static const char *const known[] = { "passphrase", NULL };
	const struct us_json *body;
	enum us_errc rc = us_transfer_refuse_in_query(call, err);

	if (!rc)
		rc = us_call_read_object(call, &body, err);
	if (rc)
		return rc;
	const struct us_json *passphrase = us_json_find(body, "passphrase");
	us_call_refuse_others(call, body, known);
	if (!passphrase)
		us_problem_add(call->arena, &call->problems, "passphrase", "is required");
	else if (passphrase->type != US_JSON_STRING)
		us_problem_add(call->arena, &call->problems, "passphrase", "must be a string, not %s",
			us_json_type_name(passphrase->type));
	else if (passphrase->string.n && memchr(passphrase->string.p, 0, passphrase->string.n))
		us_problem_add(call->arena, &call->problems, "passphrase", "holds a NUL");
	else if (us_slice_characters(passphrase->string) < US_ENVELOPE_PASSPHRASE_LEAST ||
			 us_slice_characters(passphrase->string) > US_ENVELOPE_PASSPHRASE_MOST)
		us_problem_add(call->arena, &call->problems, "passphrase", "must be of %d to %d characters",
			US_ENVELOPE_PASSPHRASE_LEAST, US_ENVELOPE_PASSPHRASE_MOST);
	rc = us_call_check_problems(call, err);
	return rc ? rc : answer(call, passphrase->string, err);
}
