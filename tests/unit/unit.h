/* What every unit test includes: cmocka with what it needs before it, and comparisons of our own types. */
#ifndef US_TESTS_UNIT_H
#define US_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define countof(array) (sizeof(array) / sizeof *(array))

/* A row's number in the message, so that a failing row of a table is found. */
#define assert_row(row, condition) \
	do { \
		if (!(condition)) \
			fail_msg("row %zu: %s", (size_t) (row), #condition); \
	} while (0)

#define assert_slice(slice, text) \
	do { \
		struct us_slice got_ = (slice); \
		if (!us_slice_is(got_, (text))) \
			fail_msg("got \"" US_SLICE_FMT "\", want \"%s\"", US_SLICE_ARG(got_), (text)); \
	} while (0)

#endif
