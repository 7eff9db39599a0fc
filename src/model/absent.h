/* Absent: rows of a mapping whose paths named nothing in any record that was mapped. Most likely a name that is misspelt, and an attribute that
 * everybody loses by it.
 */
#ifndef US_MODEL_ABSENT_H
#define US_MODEL_ABSENT_H

#include "base/str.h"
#include "model/mapping_row.h"

/* Adds the paths, each row with its attribute, of the first rows to out: "ou2, unit (row department); mial (row email)". How many rows there are.
 * A row counts if it was configured, and neither one of its paths nor enough of them for one of its templates was ever found; rows that no record
 * came to do not count.
 */
size_t us_absent_write(const struct us_mapping_row *rows, size_t n, struct us_str *out);

#endif
