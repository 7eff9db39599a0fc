/* Schema: the tables, made by numbered steps that run once each.
 *
 * The SQL keeps to what SQLite and PostgreSQL share; a driver says BLOB and WITHOUT ROWID in the words of its engine.
 */
#ifndef US_STORE_SCHEMA_H
#define US_STORE_SCHEMA_H

#include "db/db.h"

/* Runs the steps that are missing, each in a transaction of its own. US_VERSION: the schema is newer than this program; nothing is touched. */
enum us_errc us_schema_migrate(struct us_dbc *writer, struct us_err *err);
int us_schema_version(void); /* the newest that this program knows */

/* Part of the schema that a large import drops and builds again. What is only looked up by equality has its most telling column first: sorting
 * and searching then compare one field. */
#define US_SCHEMA_DROP_USER_INDEXES "DROP INDEX IF EXISTS usr_fold; DROP INDEX IF EXISTS usr_ext_id"
#define US_SCHEMA_USER_INDEXES \
	"CREATE UNIQUE INDEX IF NOT EXISTS usr_fold ON usr (directory, name_fold);" \
	"CREATE UNIQUE INDEX IF NOT EXISTS usr_ext_id ON usr (ext_id, directory)"
#define US_SCHEMA_DROP_MEMBER_INDEXES "DROP INDEX IF EXISTS membership_usr"
#define US_SCHEMA_MEMBER_INDEXES "CREATE INDEX IF NOT EXISTS membership_usr ON membership (usr, directory, grp, owned)"

#endif
