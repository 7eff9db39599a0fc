/* Field: a name with its values. Plain data; every slice borrows. */
#ifndef US_BASE_FIELD_H
#define US_BASE_FIELD_H

#include "base/str.h"

struct us_field {
	struct us_slice name;
	const struct us_slice *values;
	size_t n;
};

#endif
