/* The table of verbs. Help, completion and the man page's list follow it. */
#include "cmd/verbs.h"

#define NO_FLAGS NULL

static const struct us_flag yes_flags[] = { { "yes", NULL, "do not ask" }, { 0 } };
static const struct us_flag subscription_add_flags[] = {
	{ "url", "URL", "where they are posted to" },
	{ "since", "TOKEN", "what came behind this token, or 'start'; from now on if not given" },
	{ 0 },
};
static const struct us_flag subscription_resume_flags[] = { { "since", "TOKEN", "behind this token, or 'start'; where it was if not given" }, { 0 } };
static const struct us_flag changes_flags[] = {
	{ "since", "TOKEN", "only what came after it; start: from when the directory was made" },
	{ "follow", NULL, "go on with what comes from now on, until interrupted" },
	{ 0 },
};
static const struct us_flag wait_flags[] = { { "wait", NULL, "wait for the end, then say how it ended" }, { 0 } };
static const struct us_flag sync_flags[] = {
	{ "wait", NULL, "wait for the end, then say how it ended" },
	{ "delta", NULL, "read what has changed instead of everything" },
	{ "simulate", NULL, "plan, show and keep the plan, change nothing" },
	{ "user", "NAME", "update this one user only; never cleans up anybody" },
	{ "override", "RULES", "rules that do not hold this run: limits, empty-listing, configuration-changed, with commas" },
	{ "reason", "TEXT", "why they are overridden; it is kept with the run" },
	{ "timeout", "TIME", "give up waiting after this long (90s, 15m, 2h)" },
	{ 0 },
};
static const struct us_flag status_flags[] = {
	{ "watch", NULL, "follow the run until it ends" },
	{ "history", NULL, "the runs before it, newest first" },
	{ "limit", "N", "so many runs of the history; 20 if not given" },
	{ "run", NULL, "the argument is the number of a run" },
	{ 0 },
};
static const struct us_flag results_flags[] = {
	{ "outcome", "NAME", "only added, updated, renamed, disabled, deleted, anonymized, failed, filtered, held" },
	{ "search", "TEXT", "only objects with this in their name or id" },
	{ "limit", "N", "so many rows; 1000 if not given" },
	{ 0 },
};
static const struct us_flag check_flags[] = {
	{ "max-age", "TIME", "CRITICAL if the last good run is older (90s, 15m, 2h, 7d)" },
	{ "warn-age", "TIME", "WARNING if it is older" },
	{ 0 },
};
static const struct us_flag preview_flags[] = {
	{ "user", "NAME", "the user, as the source knows them" },
	{ "record", "FILE", "instead of a user: a record as JSON, as the source would give it; - is standard input" },
	{ "file", "FILE", "a configuration, or a connector with one, that is not saved yet, in place of the stored one" },
	{ 0 },
};
static const struct us_flag explain_flags[] = {
	{ "with", "FILE", "what if: a configuration, or a connector with one, that is not saved yet, in place of the stored one" },
	{ "stored", NULL, "do not ask the source" },
	{ 0 },
};
static const struct us_flag login_list_flags[] = { { "never", NULL, "only users of whom no login is known" }, { 0 } };
static const struct us_flag login_note_flags[] = { { "at", "TIME", "when (2026-01-31T08:00:00Z); now if not given" }, { 0 } };
static const struct us_flag user_add_flags[] = { { "role", "ROLE", "admin, operator (reads, syncs, approves) or monitor (reads status)" }, { 0 } };
static const struct us_flag user_change_flags[] = {
	{ "role", "ROLE", "admin, operator or monitor" },
	{ "password", NULL, "set a new password" },
	{ 0 },
};
static const struct us_flag token_flags[] = {
	{ "role", "ROLE", "admin, operator or monitor; monitor if not given" },
	{ "expires", "TIME", "valid for so long (12h, 90d); for ever if not given" },
	{ 0 },
};
static const struct us_flag application_add_flags[] = {
	{ "directories", "LIST", "what it sees, in order, with commas: numbers of directories, or names of connectors" },
	{ "rights", "LIST", "read, write, authenticate, with commas; read,authenticate if not given" },
	{ "addresses", "LIST", "where it may come from, with commas (10.1.0.0/16, ::1); anywhere if not given" },
	{ "password", NULL, "give its password instead of having one made" },
	{ 0 },
};
static const struct us_flag application_change_flags[] = {
	{ "name", "NAME", "another name" },
	{ "directories", "LIST", "what it sees, in order, with commas: numbers of directories, or names of connectors" },
	{ "rights", "LIST", "read, write, authenticate, with commas" },
	{ "addresses", "LIST", "where it may come from, with commas; \"\" is anywhere" },
	{ "password", NULL, "set a new password" },
	{ 0 },
};
static const struct us_flag application_token_flags[] = { { "remove", NULL, "take its token away instead" }, { 0 } };
static const struct us_flag import_flags[] = {
	{ "dry-run", NULL, "say what would change, change nothing" },
	{ "passphrase-file", "FILE", "its first line opens the file's sealed secrets" },
	{ 0 },
};
static const struct us_flag export_flags[] = {
	{ "with-secrets", NULL, "put the secrets into it, sealed with a passphrase" },
	{ "passphrase-file", "FILE", "its first line is the passphrase" },
	{ "output", "FILE", "write to this file (mode 0600) instead of standard output", 'o' },
	{ 0 },
};
static const struct us_flag support_flags[] = { { "output", "FILE", "write to this file (mode 0600) instead of standard output", 'o' }, { 0 } };
static const struct us_flag target_flags[] = {
	{ "webhook", "URL", "post signed JSON there" },
	{ "mail", "ADDRESS", "send mail there; several with commas; needs --server and --from" },
	{ "server", "HOST", "mail server that takes it" },
	{ "port", "N", "of the mail server; 587 if not given" },
	{ "security", "HOW", "starttls, tls or none; starttls if not given" },
	{ "from", "ADDRESS", "sender of the mail" },
	{ "login", "NAME", "user at the mail server" },
	{ "ca", "FILE", "PEM certificates to trust besides the system's" },
	{ "events", "LIST", "only these, with commas: sync.failed, sync.held, sync.recovered, sync.overdue, secret.expiring" },
	{ "connector", "LIST", "only these connectors, with commas" },
	{ 0 },
};
static const struct us_flag target_change_flags[] = {
	{ "file", "FILE", "its settings: JSON as 'notice target show' prints it, with what is to be different" },
	{ "enable", NULL, "send notices there" },
	{ "disable", NULL, "send none there until it is enabled again" },
	{ 0 },
};
static const struct us_flag delivery_flags[] = {
	{ "state", "STATE", "only waiting, delivered or dead ones" },
	{ "limit", "N", "so many, newest first; 50 if not given" },
	{ 0 },
};
#define ATTRIBUTES_FLAG { "attributes", "LIST", "NAME=VALUE, several with commas; NAME= takes one away" }
#define PERSON_FLAGS \
	{ "full-name", "TEXT", "as it is shown" }, { "first-name", "TEXT", "given name" }, { "last-name", "TEXT", "family name" }, \
	{ "email", "ADDRESS", "mail address" }, ATTRIBUTES_FLAG
static const struct us_flag person_add_flags[] = {
	PERSON_FLAGS,
	{ "inactive", NULL, "who cannot log in" },
	{ "password", NULL, "with a password" },
	{ 0 },
};
static const struct us_flag person_set_flags[] = {
	{ "name", "NAME", "another name; memberships and password stay" },
	PERSON_FLAGS,
	{ "active", NULL, "who can log in" },
	{ "inactive", NULL, "who cannot" },
	{ 0 },
};
static const struct us_flag password_flags[] = { { "remove", NULL, "take the password away" }, { 0 } };
static const struct us_flag group_add_flags[] = { { "description", "TEXT", "what it is for" }, ATTRIBUTES_FLAG, { 0 } };
static const struct us_flag group_set_flags[] = { { "name", "NAME", "another name; members stay" }, { "description", "TEXT", "what it is for" }, ATTRIBUTES_FLAG, { 0 } };
static const struct us_flag member_flags[] = { { "group", NULL, "the member is a group" }, { 0 } };
static const struct us_flag types_flags[] = { { "json", NULL, "as JSON, for programs" }, { 0 } };
static const struct us_flag serve_flags[] = {
	{ "data", "DIR", "data folder, made if it is not there; ./usersync-data" },
	{ "listen", "ADDR:PORT", "127.0.0.1:8080; *:8080 for every address; port 0 takes a free one" },
	{ "store", "DSN", "database; sqlite:DIR/usersync.db" },
	{ "files", "DIR", "the only folder that file connectors read from; files in the data folder" },
	{ "workers", "N", "runs at the same time; 2" },
	{ "tls-cert", "FILE", "PEM certificate chain, the server's own first; with --tls-key" },
	{ "tls-key", "FILE", "PEM private key" },
	{ "keep-runs", "N", "so many runs of a connector are kept; 10000" },
	{ "keep-run-age", "TIME", "for so long; 365d" },
	{ "keep-results", "N", "so many runs of a connector keep their results; 1000" },
	{ "keep-result-age", "TIME", "for so long; 90d" },
	{ "keep-undo", "N", "so many runs that changed something can be undone whatever their age; 10" },
	{ "log-level", "LEVEL", "debug, info, warn or error; info" },
	{ "log-format", "FORMAT", "text or json; text on a terminal, json otherwise" },
	{ "config", "FILE", "the same names as \"key = value\" lines; the command line wins" },
	{ 0 },
};

const struct us_verb us_verbs[] = {
	{ "serve", "", "the server; runs until SIGTERM or SIGINT",
		"The first start makes user admin, with the password from USERSYNC_ADMIN_PASSWORD, or a random one that is printed once.", serve_flags, 0, 0,
		.is_local = true, .run = us_serve_run },
	{ "connector list", "", "all connectors", NULL, NO_FLAGS, 0, 0, .run = us_connector_list_run },
	{ "connector show", "CONNECTOR", "one connector with its settings", NULL, NO_FLAGS, 1, 1, .run = us_connector_show_run },
	{ "connector apply", "FILE", "bring connectors to what a JSON file says, and show the difference first",
		"FILE is what 'connector export' prints, or one object {\"name\", \"type\", \"configuration\"}, or an array of them; - is standard input.\n"
		"A connector with the same uniqueId, else with the same name, is saved, any other is created, all of them or none; a second time changes\n"
		"nothing. A setting that the file does not hold goes back to its default, but a secret that is missing or \"***\" stays as it is.\n"
		"Exit code 0 if nothing differed, and if it was applied; the last line says which.",
		import_flags, 1, 1, .run = us_connector_apply_run },
	{ "connector export", "[CONNECTOR]", "one connector, or all, as a JSON file for another server",
		"Secrets are left out (\"***\"), or sealed with a passphrase of 8 to 256 characters: from --passphrase-file, else USERSYNC_PASSPHRASE, else the\n"
		"terminal. The same connectors always make the same file, except for what is sealed.",
		export_flags, 0, 1, .run = us_connector_export_run },
	{ "connector import", "FILE", "take over connectors that another server exported",
		"The same uniqueId is saved (but never with another type), any other is created with a directory of its own, all of them or none.\n"
		"A secret that FILE does not hold stays as it is; a new connector that lacks one is created disabled.\n"
		"Sealed secrets are opened with the passphrase from --passphrase-file, else USERSYNC_PASSPHRASE, else the terminal.",
		import_flags, 1, 1, .run = us_connector_import_run },
	{ "connector test", "CONNECTOR", "connect and read a little, write nothing", NULL, NO_FLAGS, 1, 1, .run = us_connector_test_run },
	{ "connector preview", "CONNECTOR", "what the mapping makes of one user, step by step, and what looks wrong in it",
		"Writes nothing. Warnings come from a page of the source's users. Exit code 1: the user would fail.", preview_flags, 1, 1,
		.run = us_connector_preview_run },
	{ "connector pause", "CONNECTOR", "let its schedule start no more runs", "What is asked for with 'usersync sync' still runs.", NO_FLAGS, 1, 1,
		.run = us_connector_pause_run },
	{ "connector resume", "CONNECTOR", "let its schedule start runs again, from its next time on", NULL, NO_FLAGS, 1, 1, .run = us_connector_resume_run },
	{ "connector delete", "CONNECTOR", "delete a connector; its directory stays", NULL, yes_flags, 1, 1, .run = us_connector_delete_run },
	{ "sync", "CONNECTOR", "start a full sync, a simulation, or the update of one user",
		"Exit code with --wait or --user: 0 done, 1 failed, 3 held for a decision, or its cleanup is.", sync_flags, 1, 1, .run = us_sync_run },
	{ "cancel", "CONNECTOR", "stop the connector's run, if it is not writing yet", NULL, NO_FLAGS, 1, 1, .run = us_cancel_run },
	{ "status", "[CONNECTOR]", "the last run of a connector, or of all of them",
		"Exit code: that of the run: 0 done or still running, 1 failed, 3 held.", status_flags, 0, 1, .run = us_status_run },
	{ "results", "RUN|CONNECTOR", "what a run did, object by object", NULL, results_flags, 1, 1, .run = us_results_run },
	{ "approve", "RUN|CONNECTOR", "apply a held plan", NULL, wait_flags, 1, 1, .run = us_approve_run },
	{ "reject", "RUN|CONNECTOR", "drop a held plan", NULL, wait_flags, 1, 1, .run = us_reject_run },
	{ "apply", "RUN|CONNECTOR", "apply exactly the plan of a simulation", NULL, wait_flags, 1, 1, .run = us_apply_run },
	{ "undo", "RUN|CONNECTOR", "turn round what a run did", NULL, wait_flags, 1, 1, .run = us_undo_run },
	{ "explain", "CONNECTOR USER", "where a user comes from, which rule did what, and why somebody is missing",
		"Asks the source for the user, and says what the mapping and the rules make of it; a source that cannot be asked is part of the answer.", explain_flags, 2,
		2, .run = us_explain_run },
	{ "check", "CONNECTOR", "one line and exit code 0 to 3 for monitoring systems",
		"0 OK: the last full sync is good and young enough.\n"
		"1 WARNING: it is held, interrupted or cancelled, some objects failed, it is older than --warn-age, or the connector is disabled.\n"
		"2 CRITICAL: it failed, there is none, or the last good one is older than --max-age.\n"
		"3 UNKNOWN: the server cannot be asked.",
		check_flags, 1, 1, .is_plugin = true, .run = us_check_run },
	{ "directory list", "", "all directories", NULL, NO_FLAGS, 0, 0, .run = us_directory_list_run },
	{ "directory show", "DIRECTORY", "one directory, by number, by its connector, or by its name", NULL, NO_FLAGS, 1, 1, .run = us_directory_show_run },
	{ "directory users", "DIRECTORY [USER]", "its users, or one of them", NULL, NO_FLAGS, 1, 2, .run = us_directory_users_run },
	{ "directory groups", "DIRECTORY [GROUP]", "its groups, or one of them", NULL, NO_FLAGS, 1, 2, .run = us_directory_groups_run },
	{ "directory changes", "DIRECTORY", "what was changed in it since a token",
		"The last line gives the token to go on from; with --follow there is one behind\neach page. Without --since nothing from before now is shown.", changes_flags, 1, 1,
		.run = us_directory_changes_run },
	{ "directory delete", "DIRECTORY", "delete a directory and all its users", NULL, yes_flags, 1, 1, .run = us_directory_delete_run },
	{ "directory create", "NAME", "make a directory that is changed by hand and by applications, without a connector", NULL, NO_FLAGS, 1, 1,
		.run = us_directory_create_run },
	{ "directory edits", "DIRECTORY", "what was changed by hand, newest first; 'usersync results' and 'usersync undo' take the run's number", NULL, NO_FLAGS,
		1, 1, .run = us_directory_edits_run },
	{ "directory user add", "DIRECTORY NAME", "add a user to a directory without a connector",
		"An empty value leaves a field out. With --password it comes from USERSYNC_NEW_PASSWORD, else from the terminal, else from the first line of\n"
		"standard input.", person_add_flags, 2, 2, .run = us_directory_user_add_run },
	{ "directory user set", "DIRECTORY NAME", "change a user of a directory without a connector",
		"What is not given stays; an empty value takes a field away.", person_set_flags, 2, 2, .run = us_directory_user_set_run },
	{ "directory user password", "DIRECTORY NAME", "set a user's password, or take it away",
		"It comes from USERSYNC_NEW_PASSWORD, else from the terminal, else from the first line of standard input.", password_flags, 2, 2,
		.run = us_directory_user_password_run },
	{ "directory user remove", "DIRECTORY NAME", "remove a user, with memberships and password", NULL, NO_FLAGS, 2, 2,
		.run = us_directory_user_remove_run },
	{ "directory group add", "DIRECTORY NAME", "add a group to a directory without a connector", NULL, group_add_flags, 2, 2,
		.run = us_directory_group_add_run },
	{ "directory group set", "DIRECTORY NAME", "change a group", NULL, group_set_flags, 2, 2, .run = us_directory_group_set_run },
	{ "directory group remove", "DIRECTORY NAME", "remove a group; its members stay", NULL, NO_FLAGS, 2, 2, .run = us_directory_group_remove_run },
	{ "directory member add", "DIRECTORY GROUP MEMBER", "put a user, or a group, into a group", NULL, member_flags, 3, 3,
		.run = us_directory_member_add_run },
	{ "directory member remove", "DIRECTORY GROUP MEMBER", "take a user, or a group, out of a group", NULL, member_flags, 3, 3,
		.run = us_directory_member_remove_run },
	{ "directory login list", "DIRECTORY", "its users with their last logins", NULL, login_list_flags, 1, 1, .run = us_directory_login_list_run },
	{ "directory login note", "DIRECTORY USER", "note that a user has logged in",
		"Only a later login than the one that is known changes something.", login_note_flags, 2, 2, .run = us_directory_login_note_run },
	{ "directory login import", "DIRECTORY FILE", "note the logins of a file",
		"FILE is CSV with a header that has the columns username and at, or JSON: an array of {\"username\", \"at\"}; - is standard input. A time is\n"
		"written 2026-01-31T08:00:00Z. Every row is looked at before any is sent: if one is wrong, nothing is noted and each wrong row is named.\n"
		"Users that the directory does not have are named and counted; the others are noted. The same file twice changes nothing.",
		NO_FLAGS, 2, 2, .run = us_directory_login_import_run },
	{ "user add", "NAME", "let somebody use this server's admin API",
		"The password comes from USERSYNC_NEW_PASSWORD, else from the terminal, else from the first line of standard input.", user_add_flags, 1, 1,
		.run = us_user_add_run },
	{ "user list", "", "who may use the admin API", NULL, NO_FLAGS, 0, 0, .run = us_user_list_run },
	{ "user change", "NAME", "another role or password", NULL, user_change_flags, 1, 1, .run = us_user_change_run },
	{ "user remove", "NAME", "take the account away", NULL, NO_FLAGS, 1, 1, .run = us_user_remove_run },
	{ "token add", "NAME", "make an API token and print it once", NULL, token_flags, 1, 1, .run = us_token_add_run },
	{ "token list", "", "all API tokens, without their secrets", NULL, NO_FLAGS, 0, 0, .run = us_token_list_run },
	{ "token remove", "ID", "make an API token invalid", NULL, NO_FLAGS, 1, 1, .run = us_token_remove_run },
	{ "application list", "", "who is served: applications, and the directories that they see", NULL, NO_FLAGS, 0, 0, .run = us_application_list_run },
	{ "application show", "NAME", "one application", NULL, NO_FLAGS, 1, 1, .run = us_application_show_run },
	{ "application add", "NAME", "serve an application by the Crowd protocol and SCIM",
		"Its password is made by the server and printed once. With --password it comes from USERSYNC_NEW_PASSWORD, else from the terminal, else from the\n"
		"first line of standard input.",
		application_add_flags, 1, 1, .run = us_application_add_run },
	{ "application change", "NAME", "its directories, rights, addresses, name or password", NULL, application_change_flags, 1, 1,
		.run = us_application_change_run },
	{ "application token", "NAME", "make a bearer token for it and print it once", "One that it had is no longer valid.", application_token_flags, 1, 1,
		.run = us_application_token_run },
	{ "application remove", "NAME", "serve it no more", NULL, yes_flags, 1, 1, .run = us_application_remove_run },
	{ "support", "", "what somebody needs to help, as JSON without secrets and names",
		"Versions, figures, settings and the last runs of each connector; docs/operating.md says what is in it and what is not.",
		support_flags, 0, 0, .run = us_support_run },
	{ "limits show", "", "the limits of connectors that have none of their own", NULL, NO_FLAGS, 0, 0, .run = us_limits_show_run },
	{ "limits set", "FILE", "set them: JSON with limits, onLimit, heldExpiry; what is left out is as the program has it", NULL, NO_FLAGS, 1, 1,
		.run = us_limits_set_run },
	{ "subscription list", "", "webhooks that are sent the changes of directories", NULL, NO_FLAGS, 0, 0, .run = us_subscription_list_run },
	{ "subscription show", "ID", "one of them: how far it is, and how it goes", NULL, NO_FLAGS, 1, 1, .run = us_subscription_show_run },
	{ "subscription add", "DIRECTORY", "send the changes of a directory to a webhook",
		"Signed, in order, at least once. The secret that signs is shown this once.\nAll other settings: PUT /subscription/ID.", subscription_add_flags, 1, 1,
		.run = us_subscription_add_run },
	{ "subscription resume", "ID", "go on with one that was stopped, or try one now", NULL, subscription_resume_flags, 1, 1, .run = us_subscription_resume_run },
	{ "subscription remove", "ID", "send nothing there any more", NULL, yes_flags, 1, 1, .run = us_subscription_remove_run },
	{ "notice target list", "", "where notices go", NULL, NO_FLAGS, 0, 0, .run = us_notice_target_list_run },
	{ "notice target show", "TARGET", "one target with its settings", NULL, NO_FLAGS, 1, 1, .run = us_notice_target_show_run },
	{ "notice target add", "NAME", "send notices to a webhook or by mail",
		"A webhook's signing secret is made by the server and printed once. The password for --login comes from USERSYNC_NEW_PASSWORD, else from the\n"
		"terminal, else from the first line of standard input. All other settings: 'usersync notice target change'.",
		target_flags, 1, 1, .run = us_notice_target_add_run },
	{ "notice target change", "TARGET", "other settings, or on and off", "A secret that stays \"***\" is kept.", target_change_flags, 1, 1,
		.run = us_notice_target_change_run },
	{ "notice target test", "TARGET", "send a test now and say whether it arrived", NULL, NO_FLAGS, 1, 1, .run = us_notice_target_test_run },
	{ "notice target remove", "TARGET", "send nothing there any more", NULL, yes_flags, 1, 1, .run = us_notice_target_remove_run },
	{ "notice delivery list", "", "notices on their way, delivered, dead", NULL, delivery_flags, 0, 0, .run = us_notice_delivery_list_run },
	{ "notice delivery retry", "ID", "send one again", NULL, NO_FLAGS, 1, 1, .run = us_notice_delivery_retry_run },
	{ "notice delivery discard", "ID", "forget one", NULL, NO_FLAGS, 1, 1, .run = us_notice_delivery_discard_run },
	{ "types", "[TYPE]", "the kinds of connector, or the settings of one", NULL, types_flags, 0, 1, .is_local = true, .run = us_types_run },
	{ "completion", "bash", "print the shell completion", NULL, NO_FLAGS, 1, 1, .is_local = true, .run = us_completion_run },
	{ 0 },
};
