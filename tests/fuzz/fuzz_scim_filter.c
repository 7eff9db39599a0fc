/* A filter is refused with a place inside the text, or can be judged, twice with the same answer; as a value in quotes, any text finds itself. */
#include <stdint.h>
#include <stdio.h>

#include "model/scim_filter.h"
#include "model/scim_resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char user[] =
	"{\"id\":\"u1\",\"userName\":\"anna\",\"active\":true,\"name\":{\"givenName\":\"A\"},\"emails\":[{\"value\":\"a@x\",\"type\":\"work\","
	"\"primary\":true},{\"value\":\"b\"}],\"meta\":{\"created\":\"2010-01-23T04:56:22Z\"},"
	"\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"D\"}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_slice text = { (const char *) data, size };
	struct us_arena arena = US_ARENA_INIT;
	struct us_scim_judge judge = { .scratch = &arena };
	struct us_str quoted = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree;
	const struct us_json *resource;
	struct us_scim_path path;

	us_assert(us_json_parse(&arena, us_slice(user), US_JSON_LIMITS_SMALL, &resource, &err) == US_OK);
	for (int may_be_unknown = 0; may_be_unknown < 2; may_be_unknown++) {
		if (us_scim_filter_parse(&arena, &us_scim_user, text, may_be_unknown, &tree, &err) == US_OK) {
			bool is = us_scim_filter_is_met(tree, resource, &judge);
			us_assert(us_scim_filter_is_met(tree, resource, &judge) == is);
		} else {
			unsigned long at = 0;
			us_assert(err.code == US_INVALID && err.native == US_SCIM_INVALID_FILTER && err.text[0]);
			us_assert(sscanf(err.text, "at byte %lu:", &at) <= 1 && at <= size);
		}
	}
	if (us_scim_path_parse(&arena, &us_scim_user, text, &path, &err))
		us_assert(err.code == US_INVALID && err.native == US_SCIM_INVALID_PATH && err.text[0]);
	if (us_slice_is_utf8(text)) {
		struct us_json_object o = { .arena = &arena };
		struct us_jsonw w = US_JSONW_INIT(&quoted);
		us_str_add_text(&quoted, "displayName eq ");
		us_jsonw_string(&w, (struct us_slice) { size ? text.p : "", size });
		us_json_object_add(&o, US_SLICE("displayName"), us_json_of_text((struct us_slice) { size ? text.p : "", size }));
		struct us_json named = us_json_object_done(&o);
		if (quoted.n <= US_SCIM_FILTER_MAX_BYTES) {
			us_assert(us_scim_filter_parse(&arena, &us_scim_user, us_str_slice(&quoted), false, &tree, &err) == US_OK);
			us_assert(us_scim_filter_is_met(tree, &named, &judge) == (size > 0));
		}
	}
	us_str_fini(&quoted);
	us_arena_fini(&arena);
	return 0;
}
