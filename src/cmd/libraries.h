/* The libraries that this process runs with, and their versions. */
#ifndef US_CMD_LIBRARIES_H
#define US_CMD_LIBRARIES_H

#include "api/api.h"

/* Ends with name NULL. */
const struct us_library *us_libraries(void);

#endif
