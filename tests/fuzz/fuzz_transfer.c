/* A file of connectors is read and checked: what has no problem is whole, a sealed part stays within its
 * bounds, and comparing entries gives nothing for equal ones. */
#include <stdint.h>

#include "base/envelope.h"
#include "model/difference.h"
#include "model/sync_options.h"
#include "model/transfer.h"

static const struct us_option options[] = {
	{ .name = "url",
		.type = US_OPTION_URL,
		.title = "URL",
		.choices = "https|http",
		.required = true,
		.help = "" },
	{ .name = "secret",
		.type = US_OPTION_STRING,
		.title = "Secret",
		.required = true,
		.secret = true,
		.help = "" },
	{ .name = NULL },
};
static const struct us_type type = { .name = "x", .title = "X", .help = "", .options = options };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct us_arena *arena, struct us_transfer *t)
{
	struct us_str text = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&text);
	struct us_difference *same = NULL;

	for (size_t i = 0; i < t->n; i++) {
		struct us_transfer_entry *e = &t->entries[i];
		us_assert(e->problems || (e->name.n && e->configuration));
		us_assert(!e->uuid.p || e->uuid.n == 36);
		struct us_problem *found = NULL;
		if (e->configuration) {
			us_option_check(arena, options, us_sync_options, e->configuration, &found);
			us_sync_settings_check(arena, e->configuration, &found);
		}
		us_transfer_complain(arena, &type, us_sync_options, e, found);
		us_difference_add(
			arena, options, us_sync_options, "configuration", e->configuration, e->configuration, &same);
		us_assert(!same);
		struct us_difference *list = NULL;
		const struct us_json *before = i ? t->entries[i - 1].configuration : NULL;
		us_difference_add(arena, options, us_sync_options, "configuration", before, e->configuration, &list);
		us_difference_write(list, &w);
	}
	us_str_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;
	struct us_transfer t;
	struct us_envelope e;
	char digest[65];

	if (us_json_parse(&arena, (struct us_slice) { (const char *)data, size }, US_JSON_LIMITS_SMALL, &doc,
			&err) == US_OK) {
		us_transfer_read(&arena, doc, &t);
		us_assert(t.problems || t.connectors);
		check(&arena, &t);
		if (t.connectors)
			us_transfer_digest(t.connectors, digest);
		if (t.sealed && us_envelope_read(t.sealed, &e, &err) == US_OK) {
			us_assert(e.passes >= 1 && e.passes <= US_ENVELOPE_PASSES_MOST);
			us_assert(
				e.memory_bytes >= US_ENVELOPE_MEMORY_LEAST && e.memory_bytes <= US_ENVELOPE_MEMORY_MOST);
			us_assert(e.data.n && e.data.n <= US_ENVELOPE_TEXT_MOST);
		}
		us_transfer_find_secret(doc, US_SLICE("a"), US_SLICE("b"));
	}
	us_arena_fini(&arena);
	return 0;
}
