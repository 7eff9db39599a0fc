/* Whatever is read as JSON is written, read again and must be the same text the second time. */
#include <stdint.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str first = US_STR_INIT, second = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;

	if (us_json_parse(&arena, (struct us_slice) { (const char *) data, size }, US_JSON_LIMITS_SMALL, &doc, &err) == US_OK) {
		struct us_jsonw w = US_JSONW_INIT(&first);
		us_jsonw_value(&w, doc);
		/* Escapes may make the text longer than the limit that its source kept. */
		enum us_errc rc = us_json_parse(&arena, us_str_slice(&first), US_JSON_LIMITS_PAGE, &doc, &err);
		us_assert(rc == US_OK);
		w = (struct us_jsonw) US_JSONW_INIT(&second);
		us_jsonw_value(&w, doc);
		us_assert(us_slice_is_equal(us_str_slice(&first), us_str_slice(&second)));
	} else {
		us_assert(err.code == US_INVALID || err.code == US_TOO_LARGE);
		us_assert(err.text[0]);
	}
	us_str_fini(&first);
	us_str_fini(&second);
	us_arena_fini(&arena);
	return 0;
}
