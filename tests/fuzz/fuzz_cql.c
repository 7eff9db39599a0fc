/* A search is refused with a place inside the text, or can be judged, twice with the same answer; quoted, any text finds itself. */
#include <stdint.h>
#include <stdio.h>

#include "model/cql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_slice text = { (const char *) data, size };
	struct us_restriction_subject subject = { .name = US_SLICE("anna"), .email = US_SLICE("a@b"), .active = true, .created_s = 1773052200 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str quoted = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_logic *tree;

	for (int entity = US_RESTRICTION_USER; entity <= US_RESTRICTION_GROUP; entity++) {
		if (us_cql_parse(&arena, (enum us_restriction_entity) entity, text, &tree, &err) == US_OK) {
			bool is = us_restriction_is_met(tree, &subject, &arena);
			us_assert(us_restriction_is_met(tree, &subject, &arena) == is);
		} else {
			unsigned long at = 0;
			us_assert(err.code == US_INVALID && err.text[0]);
			us_assert(sscanf(err.text, "at byte %lu:", &at) <= 1 && at <= size);
		}
	}
	us_str_add_text(&quoted, "name = \"");
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '"' || data[i] == '\\' || data[i] == '*')
			us_str_add_char(&quoted, '\\');
		us_str_add_char(&quoted, (char) data[i]);
	}
	us_str_add_char(&quoted, '"');
	if (us_slice_is_utf8(text) && quoted.n <= US_CQL_MAX_BYTES) {
		us_assert(us_cql_parse(&arena, US_RESTRICTION_USER, us_str_slice(&quoted), &tree, &err) == US_OK);
		subject.name = (struct us_slice) { size ? text.p : "", size };
		us_assert(us_restriction_is_met(tree, &subject, &arena));
	}
	us_str_fini(&quoted);
	us_arena_fini(&arena);
	return 0;
}
