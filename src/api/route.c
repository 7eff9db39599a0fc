#include "api/route.h"

#include <stdio.h>

#include "api/api.h"
#include "api/handlers.h"

#define CONNECTOR "/usersync/connector"
#define RUN "/usersync/syncstatus/{id}"
#define DIRECTORY "/directory/{directoryID}"
#define APPLICATION "/application"
#define TARGET "/notice/target"
#define DELIVERY "/notice/delivery"
#define SUBSCRIPTION "/subscription"

const struct us_route us_routes[] = {
	{ US_HTTPD_GET, CONNECTOR, US_ROLE_MONITOR, 200, 0, "listConnectors", "All connectors with their settings; secrets are never given out.",
		NULL, "ConnectorList", us_connectors_list },
	{ US_HTTPD_POST, CONNECTOR, US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "createConnector", "Creates a connector and its directory.",
		"NewConnector", "Connector", us_connectors_create },
	{ US_HTTPD_GET, CONNECTOR "/export", US_ROLE_OPERATOR, 200, 0, "exportConnectors",
		"All connectors as a file for another server, in order of their unique ids, without secrets.", NULL, "ConnectorFile", us_export_plain },
	{ US_HTTPD_POST, CONNECTOR "/export", US_ROLE_ADMIN, 200, 0, "exportConnectorsSealed",
		"The same with the secrets, sealed with a passphrase.", "Passphrase", "ConnectorFile", us_export_sealed },
	{ US_HTTPD_POST, CONNECTOR "/import", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT | US_ROUTE_IMPORT, "importConnectors",
		"Takes over the connectors of such a file, all of them or none: the same unique id is saved, any other is created with a directory of its "
		"own. The answer, and that of a refusal with 422, says of each what differs.",
		"ImportedFile", "ImportResult", us_import },
	{ US_HTTPD_GET, CONNECTOR "/{connectorID}/export", US_ROLE_OPERATOR, 200, 0, "exportConnector",
		"One connector as a file for another server, without secrets.", NULL, "ConnectorFile", us_export_plain },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/export", US_ROLE_ADMIN, 200, 0, "exportConnectorSealed",
		"The same with its secrets, sealed with a passphrase.", "Passphrase", "ConnectorFile", us_export_sealed },
	{ US_HTTPD_GET, CONNECTOR "/{connectorID}", US_ROLE_MONITOR, 200, 0, "showConnector", "One connector.",
		NULL, "Connector", us_connectors_show },
	{ US_HTTPD_PUT, CONNECTOR "/{connectorID}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "saveConnector",
		"Saves the settings: the configuration object alone, or the whole connector. A secret given as \"***\" stays as it is. A directory that was "
		"deleted is made again, with a new id.",
		"SavedConnector", "Connector", us_connectors_save },
	{ US_HTTPD_DELETE, CONNECTOR "/{connectorID}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "deleteConnector",
		"Deletes the connector; its directory and its history stay.", NULL, NULL, us_connectors_delete },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/test", US_ROLE_OPERATOR, 200, US_ROUTE_UNREADY, "testConnector",
		"Connects to the source and reads a little; writes nothing.", NULL, "TestResult", us_connectors_test },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/pause", US_ROLE_OPERATOR, 200, 0, "pauseConnector",
		"Its schedule starts no more runs until it is resumed; what is asked for still runs.", NULL, "Connector", us_connectors_pause },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/resume", US_ROLE_OPERATOR, 200, 0, "resumeConnector",
		"Its schedule starts runs again, from its next time on.", NULL, "Connector", us_connectors_resume },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/mapping/preview", US_ROLE_OPERATOR, 200, US_ROUTE_ASKS, "previewMapping",
		"What the mapping makes of one user, step by step, and what looks wrong in it on a page of users. Writes nothing. With a configuration that is not "
		"saved only for admins.",
		"PreviewRequest", "Preview", us_mapping_preview },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/sync", US_ROLE_OPERATOR, 202, US_ROUTE_MODE | US_ROUTE_CONFLICT, "sync",
		"Starts a sync, of everything or of what has changed. While a run of the connector is scheduled or running, that run is given instead.",
		NULL, "Status", us_runs_sync },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/simulate", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "simulate",
		"Plans a full sync, keeps the plan and changes nothing.", NULL, "Status", us_runs_simulate },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/cancel", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "cancel",
		"Asks the connector's run to stop.", NULL, "Status", us_runs_cancel },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/syncsingle/{username}", US_ROLE_OPERATOR, 200, US_ROUTE_CONFLICT | US_ROUTE_WAITS, "syncsingle",
		"Updates one user and waits for the end; never cleans up anybody.", NULL, "Status", us_runs_syncsingle },
	{ US_HTTPD_GET, CONNECTOR "/{connectorID}/syncstatus", US_ROLE_MONITOR, 200, 0, "lastStatus", "The last run of the connector.",
		NULL, "Status", us_runs_last },
	{ US_HTTPD_GET, CONNECTOR "/{connectorID}/syncstatuses", US_ROLE_MONITOR, 200, US_ROUTE_PAGED, "listStatuses",
		"The runs of the connector, newest first.", NULL, "StatusPage", us_runs_history },
	{ US_HTTPD_GET, CONNECTOR "/{connectorID}/explain/{username}", US_ROLE_OPERATOR, 200, US_ROUTE_SOURCE, "explainUser",
		"Where a user comes from, what touched them, and why they are missing: the source's record, each step of the mapping, each group and the rule that "
		"gave or dropped it. A source that cannot be asked is part of the answer.", NULL, "Explanation", us_explain_user },
	{ US_HTTPD_POST, CONNECTOR "/{connectorID}/explain/{username}", US_ROLE_ADMIN, 200, 0, "explainUserWith",
		"What if: the same with a configuration that is not saved. It is checked as one that is saved.", "ExplainRequest", "Explanation",
		us_explain_user_with },
	{ US_HTTPD_GET, RUN, US_ROLE_MONITOR, 200, 0, "showStatus", "One run.", NULL, "Status", us_runs_show },
	{ US_HTTPD_GET, RUN "/results", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED | US_ROUTE_SEARCH | US_ROUTE_RESULTS, "listResults",
		"What the run did, object by object, with before and after; whole as a download with format.", NULL, "ResultPage", us_results_list },
	{ US_HTTPD_POST, RUN "/approve", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "approve", "Applies a held plan.", NULL, "Status", us_runs_approve },
	{ US_HTTPD_POST, RUN "/reject", US_ROLE_OPERATOR, 200, US_ROUTE_CONFLICT, "reject", "Drops a held plan.", NULL, "Status", us_runs_reject },
	{ US_HTTPD_POST, RUN "/apply", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "applySimulation", "Applies exactly the plan of a simulation.",
		NULL, "Status", us_runs_apply },
	{ US_HTTPD_POST, RUN "/undo", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "undo", "Turns round what the run did.", NULL, "Status", us_runs_undo },
	{ US_HTTPD_GET, "/directory", US_ROLE_OPERATOR, 200, 0, "listDirectories", "All directories.", NULL, "DirectoryList", us_directories_list },
	{ US_HTTPD_POST, "/directory", US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "createDirectory",
		"Makes a directory without a connector: its users and groups are made by hand, or by applications.", "NewDirectory", "Directory",
		us_directories_create },
	{ US_HTTPD_GET, DIRECTORY, US_ROLE_OPERATOR, 200, 0, "showDirectory", "One directory.", NULL, "Directory", us_directories_show },
	{ US_HTTPD_DELETE, DIRECTORY, US_ROLE_ADMIN, 204, 0, "deleteDirectory", "Deletes the directory and all its users; no question is asked.",
		NULL, NULL, us_directories_delete },
	{ US_HTTPD_GET, DIRECTORY "/user", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED | US_ROUTE_SEARCH, "listDirectoryUsers",
		"The users of a directory in order of their names.", NULL, "UserPage", us_directories_list_users },
	{ US_HTTPD_GET, DIRECTORY "/edits", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED, "listDirectoryEdits",
		"What was changed by hand in a directory, newest first: runs, with results to be read and undone.", NULL, "StatusPage",
		us_directories_list_edits },
	{ US_HTTPD_POST, DIRECTORY "/user", US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "createDirectoryUser",
		"Makes a user in a directory without a connector.", "NewDirectoryUser", "UserDetail", us_edits_create_user },
	{ US_HTTPD_GET, DIRECTORY "/user/{name}", US_ROLE_OPERATOR, 200, 0, "showDirectoryUser", "One user, with groups.",
		NULL, "UserDetail", us_directories_show_user },
	{ US_HTTPD_PUT, DIRECTORY "/user/{name}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "saveDirectoryUser",
		"Changes a user of a directory without a connector. What is not given stays; null takes a field away; another name renames.",
		"SavedDirectoryUser", "UserDetail", us_edits_save_user },
	{ US_HTTPD_DELETE, DIRECTORY "/user/{name}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "deleteDirectoryUser",
		"Deletes a user of a directory without a connector, with memberships and password.", NULL, NULL, us_edits_delete_user },
	{ US_HTTPD_PUT, DIRECTORY "/user/{name}/password", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "setDirectoryUserPassword",
		"Sets the password of a user of a directory without a connector.", "Password", NULL, us_edits_set_password },
	{ US_HTTPD_DELETE, DIRECTORY "/user/{name}/password", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "removeDirectoryUserPassword",
		"Takes the password away: nobody can log in as this user.", NULL, NULL, us_edits_remove_password },
	{ US_HTTPD_POST, DIRECTORY "/group", US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "createDirectoryGroup",
		"Makes a group in a directory without a connector.", "NewDirectoryGroup", "GroupDetail", us_edits_create_group },
	{ US_HTTPD_GET, DIRECTORY "/login", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED | US_ROUTE_NEVER, "listLogins",
		"The users of a directory in order of their names, each with the last login that is known.", NULL, "LoginPage", us_directory_logins_list },
	{ US_HTTPD_POST, DIRECTORY "/login", US_ROLE_OPERATOR, 200, 0, "noteLogins",
		"Notes when users logged in: one, or an array of up to 5000. Only a later login replaces what is known. Names that the directory does not have are "
		"counted and named; \"returning\" counts those that were deleted as inactive and may come back now. If one is malformed, none is noted.",
		"Logins", "NotedLogins", us_directory_logins_note },
	{ US_HTTPD_GET, DIRECTORY "/group", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED | US_ROUTE_SEARCH, "listDirectoryGroups",
		"The groups of a directory in order of their names.", NULL, "GroupPage", us_directories_list_groups },
	{ US_HTTPD_GET, DIRECTORY "/group/{name}", US_ROLE_OPERATOR, 200, US_ROUTE_PAGED, "showDirectoryGroup", "One group, with a page of its members.",
		NULL, "GroupDetail", us_directories_show_group },
	{ US_HTTPD_PUT, DIRECTORY "/group/{name}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "saveDirectoryGroup",
		"Changes a group of a directory without a connector. What is not given stays; another name renames.", "SavedDirectoryGroup", "GroupDetail",
		us_edits_save_group },
	{ US_HTTPD_DELETE, DIRECTORY "/group/{name}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "deleteDirectoryGroup",
		"Deletes a group of a directory without a connector, with its memberships.", NULL, NULL, us_edits_delete_group },
	{ US_HTTPD_PUT, DIRECTORY "/group/{name}/user/{member}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "addDirectoryGroupUser",
		"Puts a user into a group of a directory without a connector; one that is in it stays.", NULL, NULL, us_edits_add_user },
	{ US_HTTPD_DELETE, DIRECTORY "/group/{name}/user/{member}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "removeDirectoryGroupUser",
		"Takes a user out of the group.", NULL, NULL, us_edits_remove_user },
	{ US_HTTPD_PUT, DIRECTORY "/group/{name}/group/{member}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "addDirectoryGroupGroup",
		"Puts a group into a group, unless it would be a member of itself.", NULL, NULL, us_edits_add_group },
	{ US_HTTPD_DELETE, DIRECTORY "/group/{name}/group/{member}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "removeDirectoryGroupGroup",
		"Takes a group out of the group.", NULL, NULL, us_edits_remove_group },
	{ US_HTTPD_GET, DIRECTORY "/changes", US_ROLE_OPERATOR, 200, US_ROUTE_CHANGES, "listChanges",
		"What was changed in a directory since a token, in the order in which it was. Without a token the page is empty and says from where to follow. "
		"With Accept: text/event-stream the changes come as server-sent events, each with its token as id; Last-Event-ID goes on from there.",
		NULL, "ChangePage", us_changes_list },
	{ US_HTTPD_GET, "/user", US_ROLE_ADMIN, 200, 0, "listAccounts", "Who may use this API.", NULL, "AccountList", us_accounts_list },
	{ US_HTTPD_POST, "/user", US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "addAccount", "Adds an account.", "NewAccount", "Account", us_accounts_add },
	{ US_HTTPD_GET, "/user/{name}", US_ROLE_ADMIN, 200, 0, "showAccount", "One account.", NULL, "Account", us_accounts_show },
	{ US_HTTPD_PUT, "/user/{name}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "changeAccount", "Another role or password, valid at once.",
		"ChangedAccount", "Account", us_accounts_change },
	{ US_HTTPD_DELETE, "/user/{name}", US_ROLE_ADMIN, 204, US_ROUTE_CONFLICT, "removeAccount", "Takes the account away.",
		NULL, NULL, us_accounts_remove },
	{ US_HTTPD_GET, "/token", US_ROLE_ADMIN, 200, 0, "listTokens", "All API tokens, without their secrets.", NULL, "TokenList", us_tokens_list },
	{ US_HTTPD_POST, "/token", US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "addToken", "Makes an API token; its secret is given this once.",
		"NewToken", "CreatedToken", us_tokens_add },
	{ US_HTTPD_DELETE, "/token/{tokenID}", US_ROLE_ADMIN, 204, 0, "removeToken", "Makes a token invalid at once.", NULL, NULL, us_tokens_remove },
	{ US_HTTPD_GET, APPLICATION, US_ROLE_OPERATOR, 200, 0, "listApplications", "All applications that are served; secrets are never given out.", NULL,
		"ApplicationList", us_applications_list },
	{ US_HTTPD_POST, APPLICATION, US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "addApplication",
		"Adds an application. Without a password it gets one, which this answer alone shows.", "NewApplication", "Application", us_applications_add },
	{ US_HTTPD_GET, APPLICATION "/{name}", US_ROLE_OPERATOR, 200, 0, "showApplication", "One application.", NULL, "Application", us_applications_show },
	{ US_HTTPD_PUT, APPLICATION "/{name}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "saveApplication",
		"Saves what is given; the rest stays as it is. A new password is valid at once, the old one no more.", "SavedApplication", "Application",
		us_applications_save },
	{ US_HTTPD_DELETE, APPLICATION "/{name}", US_ROLE_ADMIN, 204, 0, "removeApplication", "Takes the application away; it is refused at once.", NULL, NULL,
		us_applications_remove },
	{ US_HTTPD_POST, APPLICATION "/{name}/token", US_ROLE_ADMIN, 201, 0, "makeApplicationToken",
		"Makes a bearer token for it, which this answer alone shows; one that it had is no longer valid.", NULL, "Application", us_applications_make_token },
	{ US_HTTPD_DELETE, APPLICATION "/{name}/token", US_ROLE_ADMIN, 204, 0, "removeApplicationToken", "Makes its token invalid at once.", NULL, NULL,
		us_applications_remove_token },
	{ US_HTTPD_GET, "/support", US_ROLE_ADMIN, 200, 0, "support",
		"What somebody needs to help: versions, figures, settings and runs, without secrets and without names of people, groups and hosts.",
		NULL, "SupportBundle", us_support_show },
	{ US_HTTPD_GET, "/settings/limits", US_ROLE_OPERATOR, 200, 0, "showLimits", "The limits of connectors that have none of their own.", NULL, "LimitDefaults",
		us_limits_show },
	{ US_HTTPD_PUT, "/settings/limits", US_ROLE_ADMIN, 200, 0, "saveLimits",
		"Sets them, valid from the next run on; what is left out is as the program has it.", "SavedLimitDefaults", "LimitDefaults", us_limits_save },
	{ US_HTTPD_GET, TARGET, US_ROLE_OPERATOR, 200, 0, "listNoticeTargets", "Where notices go; secrets are never given out.", NULL, "NoticeTargetList",
		us_notices_list_targets },
	{ US_HTTPD_POST, TARGET, US_ROLE_ADMIN, 201, US_ROUTE_CONFLICT, "addNoticeTarget",
		"Adds a target. A webhook without a secret gets one, which this answer alone shows.", "NewNoticeTarget", "NoticeTarget",
		us_notices_add_target },
	{ US_HTTPD_GET, TARGET "/{targetID}", US_ROLE_OPERATOR, 200, 0, "showNoticeTarget", "One target.", NULL, "NoticeTarget", us_notices_show_target },
	{ US_HTTPD_PUT, TARGET "/{targetID}", US_ROLE_ADMIN, 200, US_ROUTE_CONFLICT, "saveNoticeTarget",
		"Saves the target. A secret given as \"***\" stays as it is.", "SavedNoticeTarget", "NoticeTarget", us_notices_save_target },
	{ US_HTTPD_DELETE, TARGET "/{targetID}", US_ROLE_ADMIN, 204, 0, "removeNoticeTarget", "Takes the target away, and its deliveries.", NULL, NULL,
		us_notices_remove_target },
	{ US_HTTPD_POST, TARGET "/{targetID}/test", US_ROLE_ADMIN, 200, US_ROUTE_UNREADY, "testNoticeTarget",
		"Sends a test at once, and says whether it arrived.", NULL, "TestResult", us_notices_test_target },
	{ US_HTTPD_GET, DELIVERY, US_ROLE_OPERATOR, 200, US_ROUTE_PAGED | US_ROUTE_STATE, "listDeliveries", "Notices on their way, delivered and dead, newest first.",
		NULL, "DeliveryPage", us_notices_list_deliveries },
	{ US_HTTPD_GET, DELIVERY "/{deliveryID}", US_ROLE_OPERATOR, 200, 0, "showDelivery", "One notice to one target.", NULL, "Delivery",
		us_notices_show_delivery },
	{ US_HTTPD_POST, DELIVERY "/{deliveryID}/retry", US_ROLE_OPERATOR, 202, US_ROUTE_CONFLICT, "retryDelivery",
		"Sends a dead one again, or a waiting one now; with all its tries.", NULL, "Delivery", us_notices_retry_delivery },
	{ US_HTTPD_DELETE, DELIVERY "/{deliveryID}", US_ROLE_OPERATOR, 204, 0, "discardDelivery", "Forgets it.", NULL, NULL, us_notices_discard_delivery },
	{ US_HTTPD_GET, SUBSCRIPTION, US_ROLE_OPERATOR, 200, 0, "listSubscriptions", "Webhooks that are sent the changes of directories; secrets are never given out.", NULL,
		"SubscriptionList", us_subscriptions_list },
	{ US_HTTPD_POST, SUBSCRIPTION, US_ROLE_ADMIN, 201, US_ROUTE_EXPIRES, "addSubscription",
		"Sends the changes of a directory to a webhook, behind `since` or from now on. One without a secret gets one, which this answer alone shows.",
		"NewSubscription", "Subscription", us_subscriptions_add },
	{ US_HTTPD_GET, SUBSCRIPTION "/{subscriptionID}", US_ROLE_OPERATOR, 200, 0, "showSubscription", "How far it is, and how it goes.", NULL, "Subscription",
		us_subscriptions_show },
	{ US_HTTPD_PUT, SUBSCRIPTION "/{subscriptionID}", US_ROLE_ADMIN, 200, 0, "saveSubscription",
		"Saves its configuration. A secret given as \"***\" stays as it is.", "SavedSubscription", "Subscription", us_subscriptions_save },
	{ US_HTTPD_DELETE, SUBSCRIPTION "/{subscriptionID}", US_ROLE_ADMIN, 204, 0, "removeSubscription", "Sends nothing there any more.", NULL, NULL,
		us_subscriptions_remove },
	{ US_HTTPD_POST, SUBSCRIPTION "/{subscriptionID}/resume", US_ROLE_OPERATOR, 200, US_ROUTE_EXPIRES, "resumeSubscription",
		"Goes on where it stopped, or behind `since`; tries now.", "ResumedSubscription", "Subscription", us_subscriptions_resume },
	{ US_HTTPD_GET, "/healthz", US_ROLE_MONITOR, 200, US_ROUTE_ROOT | US_ROUTE_PUBLIC, "live", "The process answers.", NULL, "Health", us_health_live },
	{ US_HTTPD_GET, "/readyz", US_ROLE_MONITOR, 200, US_ROUTE_ROOT | US_ROUTE_PUBLIC | US_ROUTE_UNREADY, "ready", "Store and workers are there.",
		NULL, "Health", us_health_ready },
	{ US_HTTPD_GET, "/metrics", US_ROLE_MONITOR, 200, US_ROUTE_ROOT | US_ROUTE_TEXT, "metrics", "Figures in the text format of Prometheus.",
		NULL, NULL, us_metrics_show },
	{ US_HTTPD_GET, "/openapi.json", US_ROLE_MONITOR, 200, US_ROUTE_ROOT | US_ROUTE_PUBLIC, "openapi", "This document.", NULL, "OpenApi", us_openapi_show },
	{ .path = NULL },
};

/* The next segment of a pattern; false at its end. */
static bool next_segment(const char **pattern, struct us_slice *ret_segment)
{
	if (!**pattern)
		return false;
	const char *from = *pattern + 1;
	size_t n = strcspn(from, "/");
	*ret_segment = (struct us_slice) { from, n };
	*pattern = from + n;
	return true;
}

/* How many parameters the pattern has, if it is that path; -1 if not. */
static int match(const struct us_route *route, const struct us_slice *segments, size_t n, struct us_slice *parameters)
{
	const char *pattern = route->path;
	struct us_slice want;
	size_t i = 0;
	int p = 0;

	for (; next_segment(&pattern, &want); i++) {
		if (i == n)
			return -1;
		if (want.p[0] == '{') {
			if (!segments[i].n)
				return -1;
			us_assert(p < US_ROUTE_PARAMETERS);
			parameters[p++] = segments[i];
		} else if (!us_slice_is_equal(want, segments[i])) {
			return -1;
		}
	}
	return i == n ? p : -1;
}

static void add_allow(char *allow, size_t room, const char *name)
{
	size_t n = strlen(allow);

	snprintf(allow + n, room - n, "%s%s", n ? ", " : "", name);
}

const struct us_route *us_route_find(const struct us_httpd_request *request, struct us_slice ret_parameters[US_ROUTE_PARAMETERS],
	bool *ret_known, char ret_allow[64])
{
	const struct us_slice *segments = request->target.segments;
	size_t n = request->target.segments_n;
	bool is_below = n >= 2 && us_slice_is(segments[0], "rest") && us_slice_is(segments[1], "samlsso-admin") && n >= 3 &&
		us_slice_is(segments[2], "1.0");
	enum us_httpd_method method = request->method == US_HTTPD_HEAD ? US_HTTPD_GET : request->method;
	const struct us_route *found = NULL;
	int fewest = -1;

	*ret_known = false;
	ret_allow[0] = '\0';
	for (const struct us_route *r = us_routes; r->path && !found; r++) {
		struct us_slice parameters[US_ROUTE_PARAMETERS] = { { NULL, 0 } };
		bool is_root = r->flags & US_ROUTE_ROOT;
		if (is_root == is_below)
			continue;
		int p = match(r, segments + (is_root ? 0 : 3), n - (is_root ? 0 : 3), parameters);
		/* Rows with fewer stand above. */
		if (p < 0 || (fewest >= 0 && p > fewest))
			continue;
		fewest = p;
		*ret_known = true;
		if (r->method == method) {
			found = r;
			memcpy(ret_parameters, parameters, sizeof parameters);
		}
		add_allow(ret_allow, 64, us_httpd_method_name(r->method));
		if (r->method == US_HTTPD_GET)
			add_allow(ret_allow, 64, "HEAD");
	}
	if (*ret_known)
		add_allow(ret_allow, 64, "OPTIONS");
	return found;
}
