/* types: the kinds of connector and their settings, from the schemas that the server checks them by */
#include <stdio.h>

#include "cmd/table.h"
#include "cmd/verbs.h"
#include "model/sync_options.h"
#include "source/source.h"

static const char *kind_of(const struct us_option *o)
{
	static const char *const names[] = { [US_OPTION_STRING] = "text", [US_OPTION_TEXT] = "lines of text", [US_OPTION_URL] = "URL",
		[US_OPTION_INT] = "number", [US_OPTION_BOOL] = "true or false", [US_OPTION_CHOICE] = "choice", [US_OPTION_STRINGS] = "list of texts",
		[US_OPTION_PATTERNS] = "list of names or patterns", [US_OPTION_OBJECT] = "object", [US_OPTION_ARRAY] = "array", [US_OPTION_ANY] = "see below" };

	return names[o->type];
}

/* As deep as our own schemas are. */
static void write_options(struct us_jsonw *w, const struct us_option *options)
{
	us_jsonw_open(w, '[');
	for (const struct us_option *o = options; o && o->name; o++) {
		us_jsonw_open(w, '{');
		us_jsonw_put_text(w, "name", o->name);
		us_jsonw_put_text(w, "type", kind_of(o));
		us_jsonw_put_text(w, "title", o->title);
		us_jsonw_put_text(w, "help", o->help);
		us_jsonw_put_text(w, "default", o->fallback);
		us_jsonw_put_text(w, "choices", o->choices);
		if (o->type == US_OPTION_INT) {
			us_jsonw_put_int(w, "min", o->min);
			us_jsonw_put_int(w, "max", o->max);
		}
		us_jsonw_put_bool(w, "required", o->required);
		us_jsonw_put_bool(w, "secret", o->secret);
		if (o->members) {
			us_jsonw_key(w, "members");
			write_options(w, o->members);
		}
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
}

static void print_json(void)
{
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);

	us_jsonw_open(&w, '{');
	us_jsonw_key(&w, "types");
	us_jsonw_open(&w, '[');
	for (const struct us_type *t = us_source_types(); t->name; t++) {
		us_jsonw_open(&w, '{');
		us_jsonw_put_text(&w, "name", t->name);
		us_jsonw_put_text(&w, "title", t->title);
		us_jsonw_put_text(&w, "help", t->help);
		us_jsonw_key(&w, "options");
		write_options(&w, t->options);
		us_jsonw_close(&w, '}');
	}
	us_jsonw_close(&w, ']');
	us_jsonw_key(&w, "common");
	write_options(&w, us_sync_options);
	us_jsonw_close(&w, '}');
	puts(us_str_text(&out));
	us_str_fini(&out);
}

/* prefix: "schedule." for the members of an object, "mapping[]." for those of rows, else empty; type: whose options beside its own they are, or NULL. */
static void print_options(const char *prefix, const struct us_option *options, const struct us_type *type)
{
	for (const struct us_option *o = options; o && o->name; o++) {
		if (type && !us_sync_settings_has(type, o))
			continue;
		printf("  %s%s (%s%s%s%s%s)\n      %s\n", prefix, o->name, o->type == US_OPTION_CHOICE ? o->choices : kind_of(o), o->required ? ", required" : "",
			o->secret ? ", secret" : "", o->fallback ? ", default " : "", o->fallback ? o->fallback : "", o->help);
		if (o->members) {
			char inner[64];
			snprintf(inner, sizeof inner, "%s%s%s.", prefix, o->name, o->type == US_OPTION_ARRAY ? "[]" : "");
			print_options(inner, o->members, NULL);
		}
	}
}

int us_types_run(struct us_cli *cli)
{
	const char *name = cli->args.n_operands ? cli->args.operands[0] : NULL;
	const struct us_type *types = us_source_types();

	if (us_cli_flag(cli, "json")) {
		print_json();
		return US_EXIT_OK;
	}
	if (!name) {
		struct us_table table;
		us_table_init(&table, (const char *const[]) { "TYPE", "WHAT", NULL });
		for (const struct us_type *t = types; t->name; t++) {
			us_table_add_text(&table, t->name);
			us_table_add_text(&table, t->title);
		}
		us_table_print(&table);
		us_table_fini(&table);
		return US_EXIT_OK;
	}
	const struct us_type *type = us_type_find(types, us_slice(name));
	if (!type)
		return us_cli_misuse(cli, "no type '%s'; 'usersync types' lists them", name);
	printf("%s: %s\n%s\n\nSettings:\n", type->name, type->title, type->help ? type->help : "");
	print_options("", type->options, NULL);
	puts("\nSettings beside those of the type:");
	print_options("", us_sync_options, type);
	return US_EXIT_OK;
}
