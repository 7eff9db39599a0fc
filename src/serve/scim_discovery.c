/* What this server can do, and the schemas of what it serves: ServiceProviderConfig, ResourceTypes, Schemas. */
#include <stdio.h>

#include "model/scim_bulk.h"
#include "serve/scim_call.h"
#include "serve/scim_search.h"

static const struct us_scim_kind *const kinds[] = { &us_scim_user, &us_scim_group };
static const struct us_scim_schema *schema_at(size_t i)
{
	return i == 0 ? us_scim_user.schema : i == 1 ? us_scim_user.extension : i == 2 ? us_scim_group.schema : NULL;
}

/* ---- what they share ---- */

static void put_schemas(struct us_jsonw *w, const char *urn)
{
	us_jsonw_key(w, "schemas");
	us_jsonw_open(w, '[');
	us_jsonw_text(w, urn);
	us_jsonw_close(w, ']');
}

static void put_meta(struct us_jsonw *w, const struct us_scim_call *call, const char *type, const char *path, const char *id)
{
	struct us_str location = US_STR_INIT;

	us_str_printf(&location, US_SLICE_FMT "/%s%s%s", US_SLICE_ARG(call->base), path, id ? "/" : "", id ? id : "");
	us_jsonw_key(w, "meta");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "resourceType", type);
	us_jsonw_put_string(w, "location", us_str_slice(&location));
	us_jsonw_close(w, '}');
	us_str_fini(&location);
}

static void begin_list(struct us_jsonw *w, size_t n)
{
	us_jsonw_open(w, '{');
	put_schemas(w, "urn:ietf:params:scim:api:messages:2.0:ListResponse");
	us_jsonw_put_int(w, "totalResults", (int64_t) n);
	us_jsonw_put_int(w, "itemsPerPage", (int64_t) n);
	us_jsonw_put_int(w, "startIndex", 1);
	us_jsonw_key(w, "Resources");
	us_jsonw_open(w, '[');
}

static void end_list(struct us_jsonw *w)
{
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
}

/* A filter here must be refused (RFC 7644, 4). */
static enum us_errc check_filter(const struct us_scim_call *call, struct us_err *err)
{
	if (us_target_parameter(&call->request->target, "filter").p)
		return us_err_set(err, US_FORBIDDEN, "this list cannot be filtered");
	return US_OK;
}

static enum us_errc unknown(const struct us_scim_call *call, const char *what, struct us_err *err)
{
	return us_err_set(err, US_NOT_FOUND, "there is no %s \"%.*s\"", what, call->parameter.n > 100 ? 100 : (int) call->parameter.n,
		call->parameter.p);
}

/* ---- ServiceProviderConfig ---- */

static void put_supported(struct us_jsonw *w, const char *name, bool is_supported)
{
	us_jsonw_key(w, name);
	us_jsonw_open(w, '{');
	us_jsonw_put_bool(w, "supported", is_supported);
	us_jsonw_close(w, '}');
}

static void put_authentication(struct us_jsonw *w, const char *type, const char *name, const char *description, const char *spec)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "type", type);
	us_jsonw_put_text(w, "name", name);
	us_jsonw_put_text(w, "description", description);
	us_jsonw_put_text(w, "specUri", spec);
	us_jsonw_close(w, '}');
}

enum us_errc us_scim_get_config(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);
	enum us_errc rc = call->pushed ? US_OK : us_scim_find_target(call, err);
	bool can_write = rc == US_OK;

	if (rc && rc != US_FORBIDDEN)
		return rc;
	us_jsonw_open(&w, '{');
	put_schemas(&w, "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig");
	put_supported(&w, "patch", can_write);
	us_jsonw_key(&w, "bulk");
	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "supported", can_write);
	us_jsonw_put_int(&w, "maxOperations", US_SCIM_BULK_MOST_OPERATIONS);
	us_jsonw_put_int(&w, "maxPayloadSize", US_SCIM_BULK_MOST_BYTES);
	us_jsonw_close(&w, '}');
	us_jsonw_key(&w, "filter");
	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "supported", true);
	us_jsonw_put_int(&w, "maxResults", US_SCIM_PAGE_MOST);
	us_jsonw_close(&w, '}');
	put_supported(&w, "changePassword", can_write && !call->pushed);
	put_supported(&w, "sort", !call->pushed);
	put_supported(&w, "etag", true);
	us_jsonw_key(&w, "pagination");
	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "cursor", true);
	us_jsonw_put_bool(&w, "index", true);
	us_jsonw_put_text(&w, "defaultPaginationMethod", "index");
	us_jsonw_put_int(&w, "defaultPageSize", US_SCIM_PAGE_ROWS);
	us_jsonw_put_int(&w, "maxPageSize", US_SCIM_PAGE_MOST);
	us_jsonw_close(&w, '}');
	us_jsonw_key(&w, "authenticationSchemes");
	us_jsonw_open(&w, '[');
	put_authentication(&w, "oauthbearertoken", "Token", "The token of an application, as a bearer token", "https://www.rfc-editor.org/info/rfc6750");
	put_authentication(&w, "httpbasic", "Password", "The name and password of an application", "https://www.rfc-editor.org/info/rfc7617");
	us_jsonw_close(&w, ']');
	put_meta(&w, call, "ServiceProviderConfig", "ServiceProviderConfig", NULL);
	us_jsonw_close(&w, '}');
	return US_OK;
}

/* ---- ResourceTypes ---- */

static void put_type(struct us_jsonw *w, const struct us_scim_call *call, const struct us_scim_kind *kind)
{
	us_jsonw_open(w, '{');
	put_schemas(w, "urn:ietf:params:scim:schemas:core:2.0:ResourceType");
	us_jsonw_put_text(w, "id", kind->name);
	us_jsonw_put_text(w, "name", kind->name);
	us_jsonw_put_text(w, "endpoint", kind->endpoint);
	us_jsonw_put_text(w, "description", kind->description);
	us_jsonw_put_text(w, "schema", kind->schema->id);
	if (kind->extension) {
		us_jsonw_key(w, "schemaExtensions");
		us_jsonw_open(w, '[');
		us_jsonw_open(w, '{');
		us_jsonw_put_text(w, "schema", kind->extension->id);
		us_jsonw_put_bool(w, "required", false);
		us_jsonw_close(w, '}');
		us_jsonw_close(w, ']');
	}
	put_meta(w, call, "ResourceType", "ResourceTypes", kind->name);
	us_jsonw_close(w, '}');
}

enum us_errc us_scim_get_types(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);
	enum us_errc rc = check_filter(call, err);

	if (rc)
		return rc;
	begin_list(&w, sizeof kinds / sizeof *kinds);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		put_type(&w, call, kinds[i]);
	end_list(&w);
	return US_OK;
}

enum us_errc us_scim_get_type(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (us_slice_is(call->parameter, kinds[i]->name)) {
			put_type(&w, call, kinds[i]);
			return US_OK;
		}
	return unknown(call, "resource type", err);
}

/* ---- Schemas ---- */

static void put_words(struct us_jsonw *w, const char *key, const char *words)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	while (*words) {
		size_t n = strcspn(words, "|");
		us_jsonw_string(w, (struct us_slice) { words, n });
		words += n + (words[n] == '|');
	}
	us_jsonw_close(w, ']');
}

static void put_characteristics(struct us_jsonw *w, const struct us_scim_attribute *a)
{
	us_jsonw_put_text(w, "name", a->name);
	us_jsonw_put_text(w, "type", us_scim_type_name(a->type));
	us_jsonw_put_bool(w, "multiValued", a->is_multi);
	us_jsonw_put_text(w, "description", a->description);
	us_jsonw_put_bool(w, "required", a->is_required);
	if (a->canonical)
		put_words(w, "canonicalValues", a->canonical);
	us_jsonw_put_bool(w, "caseExact", a->is_case_exact);
	us_jsonw_put_text(w, "mutability", us_scim_mutability_name(a->is_made ? US_SCIM_READ_ONLY : a->mutability));
	us_jsonw_put_text(w, "returned", us_scim_returned_name(a->returned));
	us_jsonw_put_text(w, "uniqueness", us_scim_uniqueness_name(a->uniqueness));
	if (a->refers_to)
		put_words(w, "referenceTypes", a->refers_to);
}

static void put_attribute(struct us_jsonw *w, const struct us_scim_attribute *a)
{
	us_jsonw_open(w, '{');
	put_characteristics(w, a);
	if (a->sub) {
		us_jsonw_key(w, "subAttributes");
		us_jsonw_open(w, '[');
		for (const struct us_scim_attribute *sub = a->sub; sub->name; sub++) {
			if (sub->is_kept_whole)
				continue;
			us_jsonw_open(w, '{');
			put_characteristics(w, sub);
			us_jsonw_close(w, '}');
		}
		us_jsonw_close(w, ']');
	}
	us_jsonw_close(w, '}');
}

static void put_schema(struct us_jsonw *w, const struct us_scim_call *call, const struct us_scim_schema *schema)
{
	us_jsonw_open(w, '{');
	put_schemas(w, "urn:ietf:params:scim:schemas:core:2.0:Schema");
	us_jsonw_put_text(w, "id", schema->id);
	us_jsonw_put_text(w, "name", schema->name);
	us_jsonw_put_text(w, "description", schema->description);
	us_jsonw_key(w, "attributes");
	us_jsonw_open(w, '[');
	for (const struct us_scim_attribute *a = schema->attributes; a->name; a++)
		if (!a->is_kept_whole)
			put_attribute(w, a);
	us_jsonw_close(w, ']');
	put_meta(w, call, "Schema", "Schemas", schema->id);
	us_jsonw_close(w, '}');
}

enum us_errc us_scim_get_schemas(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);
	enum us_errc rc = check_filter(call, err);
	size_t n = 0;

	if (rc)
		return rc;
	while (schema_at(n))
		n++;
	begin_list(&w, n);
	for (size_t i = 0; i < n; i++)
		put_schema(&w, call, schema_at(i));
	end_list(&w);
	return US_OK;
}

enum us_errc us_scim_get_schema(struct us_scim_call *call, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(&call->answer->body);

	for (size_t i = 0; schema_at(i); i++)
		if (us_slice_is_nocase(call->parameter, schema_at(i)->id)) {
			put_schema(&w, call, schema_at(i));
			return US_OK;
		}
	return unknown(call, "schema", err);
}
