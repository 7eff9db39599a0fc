/* File: users, groups and memberships from exported files. The driver behind type "file". */
#ifndef US_SOURCE_FILE_H
#define US_SOURCE_FILE_H

#include "source/source.h"

extern const struct us_source_ops us_source_file;

/* From now on file connectors read only inside of this folder, and relative paths count from it. NULL: anywhere, from the working directory.
 * Before any thread starts; folder is copied. */
void us_file_set_folder(const char *folder);

#endif
