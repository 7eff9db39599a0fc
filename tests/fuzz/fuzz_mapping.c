/* Any configuration of a mapping is refused with reasons, or maps any record: what was accepted can be used, and nothing takes long or reaches
 * outside. The input is the configuration, a NUL, and the record as JSON. */
#include <stdint.h>

#include "base/json.h"
#include "model/flatten.h"
#include "model/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void map(struct us_mapping *mapping, struct us_arena *arena, struct us_slice text)
{
	static const struct us_user nobody = { .name = { "old", 3 }, .active = true };
	const struct us_json *doc;
	struct us_record r = { .kind = US_RECORD_USER, .id = US_SLICE("1"), .raw = text };
	struct us_field *fields;
	struct us_mapped mapped;
	struct us_group group;
	struct us_slice reason;
	struct us_trace trace;
	struct us_mapping_input in = { .record = &r, .trace = &trace };

	if (us_json_parse(arena, text, US_JSON_LIMITS_SMALL, &doc, NULL) || doc->type != US_JSON_OBJECT)
		return;
	if (!us_flatten(arena, doc, NULL, 0, &fields, &r.n_fields))
		return;
	r.fields = fields;
	us_mapping_user(mapping, &in, arena, &mapped);
	if (mapped.kind == US_MAPPED_NEEDS_EXISTING) {
		in.knows_existing = true;
		in.existing = &nobody;
		us_mapping_user(mapping, &in, arena, &mapped);
		us_assert(mapped.kind != US_MAPPED_NEEDS_EXISTING);
	}
	us_assert(mapped.kind != US_MAPPED_WANTED || (mapped.user.name.n && us_slice_is_utf8(mapped.user.name)));
	us_assert(mapped.kind == US_MAPPED_WANTED || mapped.reason.n);
	us_mapping_group(mapping, &r, arena, &group, &reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	struct us_slice conf = { (const char *) data, end ? (size_t) (end - data) : size };
	struct us_slice record = end ? (struct us_slice) { (const char *) end + 1, size - conf.n - 1 } : US_SLICE("{\"uid\":\"anna\",\"ou\":[\"a\",\"b\"]}");
	const struct us_json *doc;
	struct us_problem *problems = NULL;
	struct us_mapping *mapping;
	struct us_err err = US_ERR_INIT;

	if (us_json_parse(&arena, conf, US_JSON_LIMITS_SMALL, &doc, NULL) == US_OK && doc->type == US_JSON_OBJECT) {
		us_mapping_check(&arena, doc, &problems);
		enum us_errc rc = us_mapping_new(&arena, NULL, doc, US_SLICE("fuzz"), &mapping, &err);
		us_assert((rc == US_OK) == (problems == NULL));
		for (const struct us_problem *p = problems; p; p = p->next)
			us_assert(p->field[0] && p->reason[0]);
		if (rc == US_OK) {
			map(mapping, &arena, record);
			us_mapping_free(mapping);
		}
	}
	us_arena_fini(&arena);
	return 0;
}
