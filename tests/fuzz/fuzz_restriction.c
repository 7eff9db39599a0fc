/* A body in XML or JSON is refused with a reason, or can be judged, twice with the same answer. */
#include <stdint.h>

#include "model/restriction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct us_slice values[] = { US_SLICE("1"), US_SLICE("two") };
	static const struct us_field attributes[] = { { US_SLICE("phone"), values, 2 } };
	struct us_slice text = { (const char *) data, size };
	struct us_restriction_subject subject = { .name = US_SLICE("anna"), .email = US_SLICE("a@b"), .active = true, .created_s = 1773052200,
		.attributes = attributes, .n_attributes = 1 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree = NULL;
	const struct us_json *json;
	const struct us_xml *xml;
	enum us_errc rc;

	if (size && data[0] == '<') {
		rc = us_xml_parse(&arena, text, US_XML_LIMITS_SMALL, &xml, &err);
		if (!rc)
			rc = us_restriction_from_xml(&arena, US_RESTRICTION_USER, xml, &tree, &err);
	} else {
		rc = us_json_parse(&arena, text, US_JSON_LIMITS_SMALL, &json, &err);
		if (!rc)
			rc = us_restriction_from_json(&arena, US_RESTRICTION_USER, json, &tree, &err);
	}
	if (rc) {
		us_assert((rc == US_INVALID || rc == US_TOO_LARGE) && err.text[0]);
	} else {
		bool is = us_restriction_is_met(tree, &subject, &arena);
		us_assert(us_restriction_is_met(tree, &subject, &arena) == is);
	}
	us_arena_fini(&arena);
	return 0;
}
