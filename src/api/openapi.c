#include "api/openapi.h"

#include <stdio.h>

#include "api/handlers.h"
#include "api/schemas.h"
#include "model/notice_options.h"
#include "model/subscription_options.h"
#include "model/override.h"
#include "model/sync_options.h"

/* where: below "#/components/", with its slash or what the name starts with. */
static void put_ref(struct us_jsonw *w, const char *where, const char *name)
{
	char ref[128];

	snprintf(ref, sizeof ref, "#/components/%s%s", where, name);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "$ref", ref);
	us_jsonw_close(w, '}');
}

static void put_content(struct us_jsonw *w, const char *type, const char *schema)
{
	us_jsonw_key(w, type);
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "schema");
	if (schema)
		put_ref(w, "schemas/", schema);
	else
		us_jsonw_raw(w, US_SLICE("{\"type\":\"string\"}"));
	us_jsonw_close(w, '}');
}

/* Parameters */

static void put_parameter(struct us_jsonw *w, const char *in, const char *name, const char *description, const char *schema,
	const char *example)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "name", name);
	us_jsonw_put_text(w, "in", in);
	us_jsonw_put_text(w, "description", description);
	if (in[0] == 'p')
		us_jsonw_put_bool(w, "required", true);
	us_jsonw_key(w, "schema");
	us_jsonw_raw(w, us_slice(schema));
	if (example) {
		us_jsonw_key(w, "example");
		us_jsonw_raw(w, us_slice(example));
	}
	us_jsonw_close(w, '}');
}

static void put_path_parameter(struct us_jsonw *w, struct us_slice name)
{
	static const struct { const char *name, *description, *schema, *example; } known[] = {
		{ "connectorID", "The connector's uniqueId, or its number.", "{\"type\":\"string\",\"minLength\":1}", "\"1\"" },
		{ "id", "Number of a run.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "directoryID", "Number of a directory.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "targetID", "Number of a notice target.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "deliveryID", "Number of a delivery.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "subscriptionID", "Number of a subscription.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "tokenID", "Number of a token.", "{\"type\":\"integer\",\"minimum\":1}", "1" },
		{ "username", "Name of a user.", "{\"type\":\"string\",\"minLength\":1}", "\"alice\"" },
		{ "member", "Name of the user or group that is in the group.", "{\"type\":\"string\",\"minLength\":1}", "\"alice\"" },
		{ "name", "A name.", "{\"type\":\"string\",\"minLength\":1}", "\"staff\"" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (us_slice_is(name, known[i].name)) {
			put_parameter(w, "path", known[i].name, known[i].description, known[i].schema, known[i].example);
			return;
		}
	us_assert(!"path parameter without a description");
}

static void put_parameters(struct us_jsonw *w, const struct us_route *r)
{
	us_jsonw_key(w, "parameters");
	us_jsonw_open(w, '[');
	for (const char *p = r->path; (p = strchr(p, '{')); p++)
		put_path_parameter(w, (struct us_slice) { p + 1, strcspn(p + 1, "}") });
	if (r->flags & US_ROUTE_PAGED) {
		put_parameter(w, "query", "limit", "Rows of a page at most.", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}", NULL);
		put_parameter(w, "query", "cursor", "As the page before gave it.", "{\"type\":\"string\"}", NULL);
	}
	if (r->flags & US_ROUTE_SEARCH)
		put_parameter(w, "query", "search", "A part of the name.", "{\"type\":\"string\"}", NULL);
	if (r->flags & US_ROUTE_IMPORT) {
		put_parameter(w, "query", "dryRun", "true: say what would change, change nothing.", "{\"type\":\"string\",\"enum\":[\"true\",\"false\"]}", NULL);
		put_parameter(w, "query", "match", "name: an entry whose uniqueId is not there is the connector of that name.",
			"{\"type\":\"string\",\"enum\":[\"id\",\"name\"]}", NULL);
	}
	if (r->flags & US_ROUTE_CHANGES) {
		put_parameter(w, "query", "since", "The token that a page or an event gave; start: from when the directory was made.", "{\"type\":\"string\"}", NULL);
		put_parameter(w, "query", "limit", "Changes of a page at most.", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}", NULL);
		put_parameter(w, "query", "wait", "So many seconds to wait at most while there is no change since then.",
			"{\"type\":\"integer\",\"minimum\":0,\"maximum\":60}", NULL);
	}
	if (r->flags & US_ROUTE_STATE)
		put_parameter(w, "query", "state", "Only these.", "{\"type\":\"string\",\"enum\":[\"WAITING\",\"DELIVERED\",\"DEAD\"]}", NULL);
	if (r->flags & US_ROUTE_MODE) {
		put_parameter(w, "query", "override", "Rules that do not hold this one run, with commas between: " US_OVERRIDE_KNOWN ". Needs a reason.",
			"{\"type\":\"string\",\"pattern\":\"^(limits|empty-listing|configuration-changed)(,(limits|empty-listing|configuration-changed))*$\"}", NULL);
		put_parameter(w, "query", "reason", "Why they are overridden; kept with the run.", "{\"type\":\"string\",\"maxLength\":500}", NULL);
	}
	if (r->flags & US_ROUTE_SOURCE)
		put_parameter(w, "query", "source", "0: the source is not asked; what the store knows is answered at once. 1 if not given.",
			"{\"type\":\"string\",\"enum\":[\"0\",\"1\"]}", NULL);
	if (r->flags & US_ROUTE_NEVER)
		put_parameter(w, "query", "never", "true: only users of whom no login is known.", "{\"type\":\"string\",\"enum\":[\"true\",\"false\"]}", NULL);
	if (r->flags & US_ROUTE_MODE)
		put_parameter(w, "query", "mode", "Everything, or what has changed since the last sync: for types with a change feed. A delta that cannot be done becomes a full sync, and says why.", "{\"type\":\"string\",\"enum\":[\"full\",\"delta\"]}", NULL);
	if (r->flags & US_ROUTE_RESULTS) {
		put_parameter(w, "query", "outcome", "Only these.",
			"{\"type\":\"string\",\"enum\":[\"ADDED\",\"UPDATED\",\"RENAMED\",\"NOT_MODIFIED\",\"FILTERED\",\"FAILED\",\"DISABLED\",\"DELETED\",\"ANONYMIZED\",\"HELD\"]}", NULL);
		put_parameter(w, "query", "object", "Only these.", "{\"type\":\"string\",\"enum\":[\"user\",\"group\",\"members\"]}", NULL);
		put_parameter(w, "query", "format", "All rows as a download.", "{\"type\":\"string\",\"enum\":[\"csv\",\"json\"]}", NULL);
	}
	us_jsonw_close(w, ']');
}

/* Answers */

static void put_success(struct us_jsonw *w, const struct us_route *r, int status)
{
	char text[8];

	snprintf(text, sizeof text, "%d", status);
	us_jsonw_key(w, text);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "description", status == 204 ? "Done." : status == 202 ? "Accepted; not over yet." : status == 201 ? "Created." : "Fine.");
	if (r->response || r->flags & US_ROUTE_TEXT) {
		us_jsonw_key(w, "content");
		us_jsonw_open(w, '{');
		put_content(w, r->response ? "application/json" : "text/plain", r->response);
		if (r->flags & US_ROUTE_RESULTS)
			put_content(w, "text/csv", NULL);
		if (r->flags & US_ROUTE_CHANGES)
			put_content(w, "text/event-stream", NULL);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, '}');
}

static void put_failure(struct us_jsonw *w, bool is_possible, const char *status)
{
	if (!is_possible)
		return;
	us_jsonw_key(w, status);
	put_ref(w, "responses/E", status);
}

static void put_answers(struct us_jsonw *w, const struct us_route *r)
{
	bool is_public = r->flags & US_ROUTE_PUBLIC;

	us_jsonw_key(w, "responses");
	us_jsonw_open(w, '{');
	put_success(w, r, r->status);
	if (r->flags & US_ROUTE_WAITS)
		put_success(w, r, 202);
	put_failure(w, true, "400");
	put_failure(w, !is_public, "401");
	put_failure(w, !is_public, "403");
	put_failure(w, strchr(r->path, '{') != NULL || r->flags & US_ROUTE_EXPIRES, "404");
	put_failure(w, r->flags & US_ROUTE_CONFLICT, "409");
	put_failure(w, r->flags & (US_ROUTE_CHANGES | US_ROUTE_EXPIRES), "410");
	put_failure(w, true, "413");
	put_failure(w, r->request != NULL, "415");
	put_failure(w, r->request != NULL, "422");
	put_failure(w, !is_public, "429");
	put_failure(w, r->flags & US_ROUTE_ASKS, "502");
	put_failure(w, !is_public || r->flags & US_ROUTE_UNREADY, "503");
	put_failure(w, r->flags & US_ROUTE_ASKS, "504");
	us_jsonw_close(w, '}');
}

static const char *tag_of(const struct us_route *r)
{
	if (r->flags & US_ROUTE_ROOT)
		return "monitoring";
	if (!strncmp(r->path, "/usersync/connector", 19))
		return "connectors";
	if (!strcmp(r->path, "/support"))
		return "monitoring";
	if (!strncmp(r->path, "/usersync/", 10))
		return "runs";
	if (!strncmp(r->path, "/notice/", 8))
		return "notices";
	if (!strncmp(r->path, "/subscription", 13))
		return "subscriptions";
	return strncmp(r->path, "/directory", 10) ? "accounts" : "directories";
}

static void put_operation(struct us_jsonw *w, const struct us_route *r)
{
	char method[8];
	const char *name = us_httpd_method_name(r->method);
	size_t n = 0;

	for (; name[n]; n++)
		method[n] = (char) (name[n] | 32);
	method[n] = '\0';
	us_jsonw_key(w, method);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "operationId", r->operation);
	us_jsonw_put_text(w, "summary", r->summary);
	us_jsonw_key(w, "tags");
	us_jsonw_open(w, '[');
	us_jsonw_text(w, tag_of(r));
	us_jsonw_close(w, ']');
	us_jsonw_put_text(w, "x-role", r->flags & US_ROUTE_PUBLIC ? "none" : us_role_text(r->role));
	if (r->flags & US_ROUTE_PUBLIC) {
		us_jsonw_key(w, "security");
		us_jsonw_raw(w, US_SLICE("[]"));
	}
	put_parameters(w, r);
	if (r->request) {
		us_jsonw_key(w, "requestBody");
		us_jsonw_open(w, '{');
		us_jsonw_put_bool(w, "required", true);
		us_jsonw_key(w, "content");
		us_jsonw_open(w, '{');
		put_content(w, "application/json", r->request);
		us_jsonw_close(w, '}');
		us_jsonw_close(w, '}');
	}
	put_answers(w, r);
	us_jsonw_close(w, '}');
}

static bool is_first_of_path(const struct us_route *r)
{
	for (const struct us_route *before = us_routes; before < r; before++)
		if (!strcmp(before->path, r->path))
			return false;
	return true;
}

static void put_paths(struct us_jsonw *w)
{
	us_jsonw_key(w, "paths");
	us_jsonw_open(w, '{');
	for (const struct us_route *r = us_routes; r->path; r++) {
		char path[256];
		if (!is_first_of_path(r))
			continue;
		snprintf(path, sizeof path, "%s%s", r->flags & US_ROUTE_ROOT ? "" : US_API_BASE, r->path);
		us_jsonw_key(w, path);
		us_jsonw_open(w, '{');
		for (const struct us_route *same = r; same->path; same++)
			if (!strcmp(same->path, r->path))
				put_operation(w, same);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, '}');
}

/* Configurations */

static void put_choices(struct us_jsonw *w, const struct us_option *o)
{
	const char *choices = o->choices;

	us_jsonw_key(w, "enum");
	us_jsonw_open(w, '[');
	while (*choices) {
		size_t n = strcspn(choices, "|");
		us_jsonw_string(w, (struct us_slice) { choices, n });
		choices += n + (choices[n] == '|');
	}
	if (o->takes_bool) {
		us_jsonw_bool(w, false);
		us_jsonw_bool(w, true);
	}
	if (!o->required)
		us_jsonw_null(w);
	us_jsonw_close(w, ']');
}

static void put_type(struct us_jsonw *w, const struct us_option *o, const char *type)
{
	us_jsonw_key(w, "type");
	us_jsonw_open(w, '[');
	us_jsonw_text(w, type);
	if (o->type == US_OPTION_STRINGS || o->type == US_OPTION_PATTERNS)
		us_jsonw_text(w, "string");
	if (!o->required)
		us_jsonw_text(w, "null");
	us_jsonw_close(w, ']');
}

static void put_option(struct us_jsonw *w, const struct us_option *o);

/* As deep as our own schemas are. */
static void put_members(struct us_jsonw *w, const struct us_option *members)
{
	us_jsonw_put_bool(w, "additionalProperties", false);
	us_jsonw_key(w, "properties");
	us_jsonw_open(w, '{');
	for (const struct us_option *m = members; m->name; m++)
		put_option(w, m);
	us_jsonw_close(w, '}');
}

static void put_required(struct us_jsonw *w, const struct us_option *options)
{
	for (const struct us_option *o = options; o && o->name; o++)
		if (o->required)
			us_jsonw_text(w, o->name);
}

static void put_rows(struct us_jsonw *w, const struct us_option *members)
{
	us_jsonw_key(w, "items");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "type", "object");
	us_jsonw_key(w, "required");
	us_jsonw_open(w, '[');
	put_required(w, members);
	us_jsonw_close(w, ']');
	put_members(w, members);
	us_jsonw_close(w, '}');
}

static void put_option(struct us_jsonw *w, const struct us_option *o)
{
	us_jsonw_key(w, o->name);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "title", o->title);
	us_jsonw_put_text(w, "description", o->help);
	switch (o->type) {
	case US_OPTION_STRING:
	case US_OPTION_TEXT:
	case US_OPTION_URL:
		put_type(w, o, "string");
		if (o->secret || o->type == US_OPTION_URL)
			us_jsonw_put_text(w, "format", o->secret ? "password" : "uri");
		if (o->required)
			us_jsonw_put_int(w, "minLength", 1);
		break;
	case US_OPTION_INT:
		put_type(w, o, "integer");
		us_jsonw_put_int(w, "minimum", o->min);
		if (o->max > o->min)
			us_jsonw_put_int(w, "maximum", o->max);
		break;
	case US_OPTION_BOOL:
		put_type(w, o, "boolean");
		break;
	case US_OPTION_CHOICE:
		put_choices(w, o);
		break;
	case US_OPTION_STRINGS:
	case US_OPTION_PATTERNS:
		put_type(w, o, "array");
		us_jsonw_key(w, "items");
		us_jsonw_raw(w, US_SLICE("{\"type\":\"string\"}"));
		break;
	case US_OPTION_OBJECT:
		put_type(w, o, "object");
		if (o->members)
			put_members(w, o->members);
		break;
	case US_OPTION_ARRAY:
		put_type(w, o, "array");
		if (o->members)
			put_rows(w, o->members);
		break;
	case US_OPTION_ANY:
		break;
	}
	if (o->fallback)
		us_jsonw_put_text(w, "x-default", o->fallback);
	us_jsonw_close(w, '}');
}

/* prefix: of the schema's name; common: what every type has beside its own. */
static void put_configuration(struct us_jsonw *w, const char *prefix, const struct us_type *type, const struct us_option *common)
{
	char name[64];

	snprintf(name, sizeof name, "%s%s", prefix, type->name);
	us_jsonw_key(w, name);
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "title", type->title);
	us_jsonw_put_text(w, "description", type->help);
	us_jsonw_put_text(w, "type", "object");
	us_jsonw_put_bool(w, "additionalProperties", false);
	us_jsonw_key(w, "required");
	us_jsonw_open(w, '[');
	put_required(w, type->options);
	put_required(w, common);
	us_jsonw_close(w, ']');
	us_jsonw_key(w, "properties");
	us_jsonw_open(w, '{');
	for (const struct us_option *o = type->options; o && o->name; o++)
		put_option(w, o);
	for (const struct us_option *o = common; o && o->name; o++)
		if (us_sync_settings_has(type, o))
			put_option(w, o);
	us_jsonw_close(w, '}');
	us_jsonw_close(w, '}');
}

#define NAME_SCHEMA \
	"{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[^\\\\x00-\\\\x1f\\\\x7f]*[^\\\\x00-\\\\x20\\\\x7f][^\\\\x00-\\\\x1f\\\\x7f]*$\"}"

/* A notice target of one kind, as it is given; what the server decides may stand there and is passed over. */
static void put_target(struct us_jsonw *w, const struct us_type *kind, bool is_new)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "type", "object");
	us_jsonw_put_bool(w, "additionalProperties", false);
	us_jsonw_key(w, "required");
	us_jsonw_raw(w, is_new ? US_SLICE("[\"name\",\"kind\",\"configuration\"]") : US_SLICE("[\"configuration\"]"));
	us_jsonw_key(w, "properties");
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "kind");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "const", kind->name);
	us_jsonw_close(w, '}');
	us_jsonw_key(w, "configuration");
	put_ref(w, "schemas/Notice_", kind->name);
	us_jsonw_raw(w, US_SLICE("\"name\":" NAME_SCHEMA ",\"enabled\":{\"type\":\"boolean\"},\"id\":{},\"created\":{},\"updated\":{}"));
	us_jsonw_close(w, '}');
	us_jsonw_close(w, '}');
}

static void put_targets(struct us_jsonw *w, const char *name, bool is_new)
{
	us_jsonw_key(w, name);
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "anyOf");
	us_jsonw_open(w, '[');
	for (const struct us_type *kind = us_notice_kinds; kind->name; kind++)
		put_target(w, kind, is_new);
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
}

#define CONNECTOR_MEMBERS \
	"\"name\":" NAME_SCHEMA ",\"enabled\":{\"type\":\"boolean\"},\"uniqueId\":{},\"id\":{}," \
	"\"directoryId\":{},\"lastStatus\":{},\"heldRun\":{},\"inherited\":{},\"paused\":{},\"pausedSince\":{},\"pausedBy\":{},\"nextRuns\":{},\"missedRuns\":{},\"scheduleProblem\":{}," \
	"\"created\":{},\"updated\":{}"

/* The whole connector, for one type; what the server decides may stand there, as an export has it, and is passed over. */
static void put_whole(struct us_jsonw *w, const struct us_type *type, bool is_new)
{
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "type", "object");
	us_jsonw_put_bool(w, "additionalProperties", false);
	us_jsonw_key(w, "required");
	us_jsonw_raw(w, is_new ? US_SLICE("[\"name\",\"type\",\"configuration\"]") : US_SLICE("[\"configuration\"]"));
	us_jsonw_key(w, "properties");
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "type");
	us_jsonw_open(w, '{');
	us_jsonw_put_text(w, "const", type->name);
	us_jsonw_close(w, '}');
	us_jsonw_key(w, "configuration");
	put_ref(w, "schemas/Configuration_", type->name);
	us_jsonw_raw(w, US_SLICE(CONNECTOR_MEMBERS));
	us_jsonw_close(w, '}');
	us_jsonw_close(w, '}');
}

static void put_schemas(struct us_jsonw *w, const struct us_type *types, const struct us_option *sync_options)
{
	us_jsonw_key(w, "schemas");
	us_jsonw_open(w, '{');
	for (const struct us_schema *s = us_schemas; s->name; s++) {
		us_jsonw_key(w, s->name);
		us_jsonw_raw(w, us_slice(s->json));
	}
	for (const struct us_type *t = types; t->name; t++)
		put_configuration(w, "Configuration_", t, sync_options);
	for (const struct us_type *kind = us_notice_kinds; kind->name; kind++)
		put_configuration(w, "Notice_", kind, us_notice_options);
	put_configuration(w, "Subscription_", us_type_find(us_notice_kinds, US_SUBSCRIPTION_KIND), us_subscription_options);
	put_targets(w, "NewNoticeTarget", true);
	put_targets(w, "SavedNoticeTarget", false);
	us_jsonw_key(w, "NewConnector");
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "anyOf");
	us_jsonw_open(w, '[');
	for (const struct us_type *t = types; t->name; t++)
		put_whole(w, t, true);
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
	us_jsonw_key(w, "SavedConnector");
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "anyOf");
	us_jsonw_open(w, '[');
	for (const struct us_type *t = types; t->name; t++) {
		put_ref(w, "schemas/Configuration_", t->name);
		put_whole(w, t, false);
	}
	us_jsonw_close(w, ']');
	us_jsonw_close(w, '}');
	us_jsonw_close(w, '}');
}

static void put_responses(struct us_jsonw *w)
{
	static const struct { const char *name, *description; } rows[] = {
		{ "E400", "Malformed." }, { "E401", "No or wrong credentials." }, { "E403", "The role does not allow it." }, { "E404", "Not there." },
		{ "E409", "Not as things stand." },
		{ "E410", "Expired: read everything again, then follow from a new token." }, { "E413", "Too large." }, { "E415", "The body is not application/json." },
		{ "E422", "Some fields are wrong: each with its reason." }, { "E429", "Too many failed logins; see Retry-After." },
		{ "E502", "The source said something else than it should." }, { "E503", "Not now; see Retry-After." },
		{ "E504", "The source did not answer in time." },
	};

	us_jsonw_key(w, "responses");
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		us_jsonw_key(w, rows[i].name);
		us_jsonw_open(w, '{');
		us_jsonw_put_text(w, "description", rows[i].description);
		us_jsonw_key(w, "content");
		us_jsonw_open(w, '{');
		put_content(w, "application/json", "Error");
		us_jsonw_close(w, '}');
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, '}');
}

void us_openapi_write(const struct us_type *types, const struct us_option *sync_options, struct us_str *out)
{
	struct us_jsonw w = US_JSONW_INIT(out);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "openapi", "3.1.0");
	us_jsonw_key(&w, "info");
	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "title", "usersync");
	us_jsonw_put_text(&w, "version", USERSYNC_VERSION);
	us_jsonw_put_text(&w, "description", "Keeps user directories in step with identity providers. Trailing slashes are accepted everywhere.");
	us_jsonw_close(&w, '}');
	us_jsonw_key(&w, "servers");
	us_jsonw_raw(&w, US_SLICE("[{\"url\":\"/\"}]"));
	us_jsonw_key(&w, "security");
	us_jsonw_raw(&w, US_SLICE("[{\"basic\":[]},{\"token\":[]}]"));
	put_paths(&w);
	us_jsonw_key(&w, "components");
	us_jsonw_open(&w, '{');
	us_jsonw_key(&w, "securitySchemes");
	us_jsonw_raw(&w, US_SLICE("{\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
	put_responses(&w);
	put_schemas(&w, types, sync_options);
	us_jsonw_close(&w, '}');
	us_jsonw_close(&w, '}');
}

enum us_errc us_openapi_show(struct us_call *call, struct us_err *err)
{
	(void) err;
	us_str_add_slice(&call->answer->body, us_str_slice(&call->api->openapi));
	return US_OK;
}
