/* What the files of object.h share. */
#ifndef US_STORE_OBJECT_ROW_H
#define US_STORE_OBJECT_ROW_H

#include <stdint.h>

/* The row of an object: a directory's objects are one range, in the order of their numbers. */
static inline int64_t us_object_row(int64_t directory, uint32_t number) { return (int64_t) ((uint64_t) directory << 32 | number); }

#endif
