/* Inactive: a connector type without a source. It works on a directory that is there (setting `directory`) and cleans up who has not logged in for long;
 * its runs are planned by sync/inactive.h and never fetch. */
#ifndef US_SOURCE_INACTIVE_H
#define US_SOURCE_INACTIVE_H

#include "source/source.h"

extern const struct us_source_ops us_source_inactive;

#endif
