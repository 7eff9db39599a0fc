#include "store/schema.h"

/* Objects: id is directory << 32 | number, so a directory is one range of the table, in the order of the numbers. What the index for planning
 * reads stands first; reading a row stops there. name_fold is NULL while a name is parked within an apply. */
static const char first[] =
	"CREATE TABLE sequence (name TEXT NOT NULL PRIMARY KEY, last BIGINT NOT NULL) WITHOUT ROWID;"
	"INSERT INTO sequence (name, last) VALUES ('directory', 0), ('connector', 0), ('run', 0), ('token', 0);"

	"CREATE TABLE directory (id INTEGER PRIMARY KEY, name TEXT NOT NULL, connector TEXT, revision BIGINT NOT NULL,"
	" n_users BIGINT NOT NULL, n_active_users BIGINT NOT NULL, n_groups BIGINT NOT NULL, n_memberships BIGINT NOT NULL,"
	" next_user BIGINT NOT NULL, next_group BIGINT NOT NULL, created BIGINT NOT NULL);"

	"CREATE TABLE usr (id INTEGER PRIMARY KEY, directory BIGINT NOT NULL REFERENCES directory (id), ext_id TEXT, name_fold TEXT,"
	" hash BLOB NOT NULL, owned BIGINT NOT NULL, active BIGINT NOT NULL, missing_since BIGINT NOT NULL,"
	" name TEXT NOT NULL, full_name TEXT, first_name TEXT, last_name TEXT, email TEXT, attributes TEXT,"
	" revision BIGINT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL);"
	US_SCHEMA_USER_INDEXES ";"

	"CREATE TABLE grp (id INTEGER PRIMARY KEY, directory BIGINT NOT NULL REFERENCES directory (id), ext_id TEXT, name_fold TEXT,"
	" hash BLOB NOT NULL, members_hash BLOB NOT NULL, n_members BIGINT NOT NULL, owned BIGINT NOT NULL,"
	" name TEXT NOT NULL, description TEXT, revision BIGINT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL);"
	"CREATE UNIQUE INDEX grp_fold ON grp (directory, name_fold);"
	"CREATE UNIQUE INDEX grp_ext_id ON grp (ext_id, directory);"

	/* No foreign keys here: they would look up two parents for each of millions of rows. Deleting an object deletes its rows. */
	"CREATE TABLE membership (directory BIGINT NOT NULL, grp BIGINT NOT NULL, usr BIGINT NOT NULL, owned BIGINT NOT NULL,"
	" PRIMARY KEY (directory, grp, usr)) WITHOUT ROWID;"
	US_SCHEMA_MEMBER_INDEXES ";"
	"CREATE TABLE subgroup (directory BIGINT NOT NULL, parent BIGINT NOT NULL, child BIGINT NOT NULL, owned BIGINT NOT NULL,"
	" PRIMARY KEY (directory, parent, child)) WITHOUT ROWID;"
	"CREATE INDEX subgroup_child ON subgroup (directory, child, parent, owned);"

	"CREATE TABLE connector (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name_fold TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
	" type TEXT NOT NULL, directory BIGINT NOT NULL, enabled BIGINT NOT NULL, configuration TEXT NOT NULL, applied_scope TEXT,"
	" created BIGINT NOT NULL, updated BIGINT NOT NULL);"

	/* plan: the run whose rows this one wrote or would write; its own but for `apply`. */
	"CREATE TABLE run (id INTEGER PRIMARY KEY, job TEXT NOT NULL, connector BIGINT NOT NULL, connector_uuid TEXT NOT NULL,"
	" directory BIGINT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, single_key TEXT, plan_run BIGINT NOT NULL,"
	" plan BIGINT NOT NULL, actor TEXT, report TEXT, messages TEXT NOT NULL, certificate TEXT, held TEXT, decided_by TEXT,"
	" base_revision BIGINT NOT NULL, n_changes BIGINT NOT NULL, created BIGINT NOT NULL, started BIGINT NOT NULL,"
	" finished BIGINT NOT NULL, modified BIGINT NOT NULL, node TEXT);"
	"CREATE INDEX run_connector ON run (connector, id);"
	"CREATE INDEX run_plan ON run (plan);"
	"CREATE UNIQUE INDEX run_active ON run (connector) WHERE status IN ('SCHEDULED', 'RUNNING');"

	/* id is run << 32 | ord. */
	"CREATE TABLE change (id INTEGER PRIMARY KEY, object TEXT NOT NULL, outcome TEXT NOT NULL, number BIGINT NOT NULL,"
	" ext_id TEXT, name TEXT, reason TEXT, before_image TEXT, after_image TEXT, members BLOB);"
	"CREATE INDEX change_number ON change (number);"

	"CREATE TABLE account (name_fold TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, password_hash TEXT NOT NULL,"
	" created BIGINT NOT NULL, updated BIGINT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE token (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,"
	" expires BIGINT NOT NULL, created BIGINT NOT NULL)";

/* due: the time that the schedule waits for, as written down at `saved` for the schedule `due_for`. missed: times that passed without a run. */
static const char schedules[] =
	"CREATE TABLE schedule (connector INTEGER PRIMARY KEY REFERENCES connector (id) ON DELETE CASCADE, paused BIGINT NOT NULL,"
	" paused_by TEXT, due BIGINT NOT NULL, saved BIGINT NOT NULL, due_for TEXT, missed BIGINT NOT NULL);"
	"ALTER TABLE run ADD COLUMN started_by TEXT;"
	"ALTER TABLE run ADD COLUMN due BIGINT NOT NULL DEFAULT 0";

/* pruned: when the rows of its plan were taken away, negative while some are left; 0: they are there. run_pruned: how many runs were taken away. The sum stays a count. */
static const char pruning[] =
	"ALTER TABLE run ADD COLUMN pruned BIGINT NOT NULL DEFAULT 0;"
	"CREATE TABLE run_pruned (connector BIGINT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, n BIGINT NOT NULL,"
	" PRIMARY KEY (connector, kind, status)) WITHOUT ROWID";

/* Notices: where they go, what is on its way or has ended, what was left out, and what is remembered of each connector. A body is made once and
 * sent as it is at each try; message is what receivers tell it by. */
static const char notices[] =
	"INSERT INTO sequence (name, last) VALUES ('notice_target', 0), ('notice_delivery', 0);"

	"CREATE TABLE notice_target (id INTEGER PRIMARY KEY, name_fold TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL,"
	" enabled BIGINT NOT NULL, configuration TEXT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL);"

	"CREATE TABLE notice_delivery (id INTEGER PRIMARY KEY, message TEXT NOT NULL, target BIGINT NOT NULL, event TEXT NOT NULL,"
	" connector BIGINT NOT NULL, run BIGINT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL, created BIGINT NOT NULL,"
	" next_ms BIGINT NOT NULL, tries BIGINT NOT NULL, error TEXT, finished BIGINT NOT NULL);"
	"CREATE INDEX notice_delivery_due ON notice_delivery (target, state, next_ms);"
	"CREATE INDEX notice_delivery_target ON notice_delivery (target, created);"

	"CREATE TABLE notice_quiet (target BIGINT NOT NULL, event TEXT NOT NULL, connector BIGINT NOT NULL, last_at BIGINT NOT NULL,"
	" left_out BIGINT NOT NULL, PRIMARY KEY (target, event, connector)) WITHOUT ROWID;"

	"CREATE TABLE notice_state (connector INTEGER PRIMARY KEY, failures BIGINT NOT NULL, alarm BIGINT NOT NULL, alarm_run BIGINT NOT NULL,"
	" success_at BIGINT NOT NULL, overdue_told BIGINT NOT NULL, expiry_told BIGINT NOT NULL, expiry_step BIGINT NOT NULL)";

/* Applications: who is served, and what each sees, in order of place. A directory that belongs to a connector is found by its connector. */
static const char applications[] =
	"INSERT INTO sequence (name, last) VALUES ('application', 0);"

	"CREATE TABLE application (id INTEGER PRIMARY KEY, name_fold TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password_hash TEXT,"
	" token_sha256 TEXT UNIQUE, rights BIGINT NOT NULL, addresses TEXT NOT NULL, created BIGINT NOT NULL, updated BIGINT NOT NULL,"
	" last_used BIGINT NOT NULL);"
	"CREATE TABLE application_directory (application BIGINT NOT NULL, place BIGINT NOT NULL, directory BIGINT NOT NULL, connector TEXT,"
	" PRIMARY KEY (application, place)) WITHOUT ROWID";

/* Passwords of users of directories without a connector; id is the user's. */
static const char credentials[] =
	"CREATE TABLE credential (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, changed BIGINT NOT NULL)";

/* When users were last seen, and by whom; id is the user's. No part of the directory's state: its revision knows nothing of it. */
static const char logins[] =
	"CREATE TABLE login (id INTEGER PRIMARY KEY, at BIGINT NOT NULL, via TEXT)";

/* Feeds: which plan brought a directory to which revision, its position; what is kept of them begins behind feed_gone. mark tells it from another
 * one at the same position, steps says which steps of store/feed.h have rows. */
static const char feeds[] =
	"ALTER TABLE directory ADD COLUMN feed_gone BIGINT NOT NULL DEFAULT 0;"
	"UPDATE directory SET feed_gone = revision;"
	"CREATE TABLE applied (directory BIGINT NOT NULL, position BIGINT NOT NULL, mark BIGINT NOT NULL, run BIGINT NOT NULL, plan BIGINT NOT NULL,"
	" steps BIGINT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (directory, position)) WITHOUT ROWID;"
	"CREATE INDEX applied_run ON applied (run);"
	"CREATE INDEX applied_plan ON applied (plan)";

/* expires: until when a held plan can be approved; 0: for ever. override_of: the limits that its starter has overridden, with who and why. setting: of
 * the whole server, by name, as JSON. */
static const char holds[] =
	"ALTER TABLE run ADD COLUMN expires BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN override_of TEXT;"
	"CREATE INDEX run_held ON run (expires) WHERE status = 'HELD';"
	"CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, updated BIGINT NOT NULL, updated_by TEXT) WITHOUT ROWID";

/* name_fold: of a user's row, the name that nobody is found by in the directory any more, or never was; NULL where the user has the row's name. */
static const char names_of_rows[] =
	"ALTER TABLE change ADD COLUMN name_fold TEXT;"
	"CREATE INDEX change_name ON change (name_fold) WHERE name_fold IS NOT NULL";

/* Who was cleaned up by a connector of type `inactive`. Of a user that is there: since when, by which connector, and whether its memberships were
 * taken. Of one that was deleted: hashes of its id and of its folded name, so that no name outlives it. */
static const char retired[] =
	"ALTER TABLE usr ADD COLUMN retired_since BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE usr ADD COLUMN retired_by BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE usr ADD COLUMN retired_strips BIGINT NOT NULL DEFAULT 0;"
	"CREATE INDEX usr_retired ON usr (id) WHERE retired_since > 0;"
	"CREATE TABLE retired (directory BIGINT NOT NULL, id_hash BLOB NOT NULL, name_hash BLOB NOT NULL, at BIGINT NOT NULL, connector BIGINT NOT NULL,"
	" PRIMARY KEY (directory, id_hash)) WITHOUT ROWID;"
	"CREATE INDEX retired_name ON retired (directory, name_hash)";

/* JSON, as of users. */
static const char group_attributes[] =
	"ALTER TABLE grp ADD COLUMN attributes TEXT";

/* Where the next delta sync begins: a cursor of the source's change feed for a directory that is as the source was then. configuration: hash of the one
 * that it was read with. full_at: the start of the last full sync that was applied whole. feed_cursor, of a run: what its plan brings with it. */
static const char cursors[] =
	"CREATE TABLE feed_cursor (connector INTEGER PRIMARY KEY REFERENCES connector (id) ON DELETE CASCADE, directory BIGINT NOT NULL, value TEXT,"
	" configuration TEXT NOT NULL, full_at BIGINT NOT NULL, run BIGINT NOT NULL);"
	"ALTER TABLE run ADD COLUMN feed_cursor TEXT;"
	"ALTER TABLE run ADD COLUMN feed_configuration TEXT";

/* What was pushed into connectors: users and groups in one table, id is connector << 32 | number. One that is gone keeps number, ext_id and change.
 * planned: up to which change a run was started, which is run. */
static const char pushes[] =
	"CREATE TABLE pushed_state (connector INTEGER PRIMARY KEY REFERENCES connector (id) ON DELETE CASCADE, change BIGINT NOT NULL DEFAULT 0,"
	" last_number BIGINT NOT NULL DEFAULT 0, n_users BIGINT NOT NULL DEFAULT 0, n_groups BIGINT NOT NULL DEFAULT 0,"
	" first_at BIGINT NOT NULL DEFAULT 0, last_at BIGINT NOT NULL DEFAULT 0, accepted BIGINT NOT NULL DEFAULT 0,"
	" refused BIGINT NOT NULL DEFAULT 0, planned BIGINT NOT NULL DEFAULT 0, run BIGINT NOT NULL DEFAULT 0);"
	"CREATE TABLE pushed (id INTEGER PRIMARY KEY, connector BIGINT NOT NULL REFERENCES connector (id) ON DELETE CASCADE, is_group BIGINT NOT NULL,"
	" ext_id TEXT, name_fold TEXT, name TEXT, document TEXT, revision BIGINT NOT NULL, change BIGINT NOT NULL, created BIGINT NOT NULL,"
	" modified BIGINT NOT NULL, gone BIGINT NOT NULL);"
	"CREATE UNIQUE INDEX pushed_name ON pushed (connector, is_group, name_fold);"
	"CREATE UNIQUE INDEX pushed_ext_id ON pushed (connector, is_group, ext_id);"
	"CREATE UNIQUE INDEX pushed_change ON pushed (connector, change);"
	"CREATE TABLE pushed_member (grp BIGINT NOT NULL REFERENCES pushed (id) ON DELETE CASCADE, member BIGINT NOT NULL REFERENCES pushed (id)"
	" ON DELETE CASCADE, is_group BIGINT NOT NULL, PRIMARY KEY (grp, member)) WITHOUT ROWID;"
	"CREATE INDEX pushed_member_of ON pushed_member (member, grp)";

/* Webhooks that are sent a directory's changes: see store/subscription.h. position: the last plan that is wholly before `since`. */
static const char subscriptions[] =
	"INSERT INTO sequence (name, last) VALUES ('subscription', 0);"
	"CREATE TABLE subscription (id INTEGER PRIMARY KEY, directory BIGINT NOT NULL, configuration TEXT NOT NULL, since TEXT NOT NULL,"
	" position BIGINT NOT NULL, next TEXT, n_changes BIGINT NOT NULL, tries BIGINT NOT NULL, next_ms BIGINT NOT NULL, failing_since BIGINT NOT NULL,"
	" delivered BIGINT NOT NULL, stopped BIGINT NOT NULL, error TEXT, created BIGINT NOT NULL, updated BIGINT NOT NULL)";

/* forgotten: no deletion that was pushed up to this change may be kept any more. */
static const char forgotten[] =
	"ALTER TABLE pushed_state ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0;"
	"CREATE INDEX pushed_gone ON pushed (connector, modified) WHERE gone = 1";

/* Crowd webhooks; told is the state of the application's directories (store/hook.h) that the last ping was answered for. */
static const char hooks[] =
	"INSERT INTO sequence (name, last) VALUES ('hook', 0);"
	"CREATE TABLE hook (id INTEGER PRIMARY KEY, application BIGINT NOT NULL, url TEXT NOT NULL, token TEXT, peer TEXT NOT NULL, told TEXT NOT NULL,"
	" failures BIGINT NOT NULL, failing_since BIGINT NOT NULL, next_ms BIGINT NOT NULL, created BIGINT NOT NULL, UNIQUE (application, url))";

/* Step i leads from schema i to schema i + 1. A step that was released is never changed: the next one corrects it. */
static const char *const steps[] = { first, schedules, pruning, notices, applications, credentials, logins, feeds, holds, names_of_rows, retired, group_attributes, cursors, pushes, subscriptions, forgotten,
	hooks };

enum { N_STEPS = sizeof steps / sizeof *steps };

int us_schema_version(void) { return N_STEPS; }

static enum us_errc load_version(struct us_dbc *w, int64_t *ret_version, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_exec(w, "CREATE TABLE IF NOT EXISTS meta (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)", err);

	if (rc || (rc = us_db_prepare(w, "SELECT value FROM meta WHERE name = 'schema'", &s, err)))
		return rc;
	rc = us_stmt_step(s, err);
	if (rc && rc != US_END)
		return rc;
	*ret_version = rc == US_END ? 0 : us_stmt_int(s, 0);
	us_stmt_reset(s);
	return US_OK;
}

static enum us_errc take_step(struct us_dbc *w, int64_t from, struct us_err *err)
{
	struct us_stmt *s;
	enum us_errc rc = us_db_begin(w, err);

	if (rc)
		return rc;
	if ((rc = us_db_exec(w, steps[from], err)) ||
		(rc = us_db_prepare(w, "INSERT INTO meta (name, value) VALUES ('schema', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1", &s,
			err)))
		goto out;
	us_stmt_bind_int(s, 1, from + 1);
	if ((rc = us_stmt_run(s, NULL, err)) || (rc = us_db_commit(w, err)))
		goto out;
	return US_OK;
out:
	us_db_rollback(w);
	return us_err_prefix(err, "migrating the store to schema %lld", (long long) from + 1), rc;
}

enum us_errc us_schema_migrate(struct us_dbc *w, struct us_err *err)
{
	int64_t version;
	enum us_errc rc = load_version(w, &version, err);

	if (rc)
		return rc;
	if (version > N_STEPS)
		return us_err_set(err, US_VERSION, "the store has schema %lld, made by a newer version; this one knows schemas up to %d: "
			"start the newer version, or restore a backup from before it", (long long) version, N_STEPS);
	for (; version < N_STEPS && !rc; version++)
		rc = take_step(w, version, err);
	return rc;
}
