/* A value goes into a filter whatever it is, and cannot leave its place; what is accepted has balanced brackets. */
#include <stdint.h>

#include "net/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_slice text = { (const char *) data, size };
	struct us_err err = US_ERR_INIT;
	struct us_str filter = US_STR_INIT;

	if (us_filter_check(text, &err) == US_OK) {
		int open = 0;
		for (size_t i = 0; i < size; i++)
			open += (data[i] == '(') - (data[i] == ')');
		us_assert(open == 0);
	} else {
		us_assert(err.code == US_CONFIG && err.text[0]);
	}
	us_str_add_text(&filter, "(&(cn=");
	us_filter_add_value(&filter, text);
	us_str_add_text(&filter, ")(id=");
	us_filter_add_bytes(&filter, text);
	us_str_add_text(&filter, "))");
	if (us_slice_is_utf8(us_str_slice(&filter)) && filter.n <= US_FILTER_MAX_BYTES)
		us_assert(us_filter_check(us_str_slice(&filter), &err) == US_OK);
	us_str_fini(&filter);
	return 0;
}
