#include "api/schemas.h"

#include <stddef.h>

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define LIST(name) "{\"type\":\"array\",\"items\":" REF(name) "}"
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define TEXT "{\"type\":\"string\"}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define MAPPING_ROWS \
	"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"attribute\",\"steps\",\"end\"],\"properties\":{" \
	"\"attribute\":" TEXT ",\"steps\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"step\",\"values\"],\"properties\":{\"step\":" TEXT \
	",\"before\":" TEXTS ",\"values\":" TEXTS ",\"matched\":" COUNT "}}},\"end\":" TEXT_OR_NULL "}}}"
#define TEXTS "{\"type\":\"array\",\"items\":" TEXT "}"
#define TIME "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TIME_OR_NULL "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}"
#define CURSOR "\"cursor\":{\"type\":[\"string\",\"null\"],\"description\":\"Give it back for the next page; null at the end.\"}"
#define ROLE "{\"type\":\"string\",\"enum\":[\"admin\",\"operator\",\"monitor\"]}"
#define RUN_STATUS "\"SCHEDULED\",\"RUNNING\",\"DONE\",\"FAILED\",\"HELD\",\"CANCELLED\",\"INTERRUPTED\""
#define ACCOUNT_NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":200,\"pattern\":\"^[^\\\\x00-\\\\x1f:\\\\x7f]*[^\\\\x00-\\\\x20:\\\\x7f][^\\\\x00-\\\\x1f:\\\\x7f]*$\"}"
#define TOKEN_NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":200,\"pattern\":\"^[^\\\\x00-\\\\x1f\\\\x7f]*[^\\\\x00-\\\\x20\\\\x7f][^\\\\x00-\\\\x1f\\\\x7f]*$\"}"
#define PASSWORD "{\"type\":\"string\",\"minLength\":8,\"maxLength\":256,\"pattern\":\"^[^\\\\x00]*$\",\"writeOnly\":true}"
/* As model/edit.c takes them. */
#define OBJECT_NAME "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"description\":\"At most 255 bytes, no control characters, no space at its ends.\"}"
#define SET_ATTRIBUTES "\"attributes\":{\"type\":\"object\",\"description\":\"By name: a string, an array of strings, or null to take it away; those that " \
	"are not named stay.\"}"
#define USER_FIELDS "\"name\":" OBJECT_NAME ",\"fullName\":" TEXT_OR_NULL ",\"firstName\":" TEXT_OR_NULL ",\"lastName\":" TEXT_OR_NULL ",\"email\":" TEXT_OR_NULL \
	",\"active\":{\"type\":\"boolean\"}," SET_ATTRIBUTES ",\"password\":" PASSWORD
#define GROUP_FIELDS "\"name\":" OBJECT_NAME ",\"description\":" TEXT_OR_NULL "," SET_ATTRIBUTES
#define SHOWN_FIELDS "\"revision\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"As it was shown: refused with 409 if it has changed since.\"}," \
	"\"id\":{},\"owned\":{},\"hash\":{}"
#define SINCE "{\"type\":\"string\",\"minLength\":1,\"description\":\"A token of the directory's changes, or start: from when it was made.\"}"
#define RIGHTS "{\"type\":\"array\",\"maxItems\":3,\"items\":{\"type\":\"string\",\"enum\":[\"read\",\"write\",\"authenticate\"]},\"description\":\"read: users, groups and " \
	"events. write: change local directories. authenticate: check users' passwords, hold sessions.\"}"
#define APPLICATION_DIRECTORIES "{\"type\":\"array\",\"maxItems\":100,\"items\":{\"type\":\"integer\",\"minimum\":1},\"description\":\"Numbers of the directories that it sees, in " \
	"order: the first one wins on equal names.\"}"
#define ADDRESSES "{\"type\":\"array\",\"maxItems\":100,\"items\":" TEXT ",\"description\":\"Addresses and ranges (CIDR) that it may come from; none: any.\"}"
#define APPLICATION_SETTINGS "\"directories\":" APPLICATION_DIRECTORIES ",\"addresses\":" ADDRESSES ",\"rights\":" RIGHTS
#define APPLICATION_SHOWN "\"hasPassword\":{\"type\":\"boolean\"},\"hasToken\":{\"type\":\"boolean\"},\"created\":" TIME_OR_NULL ",\"updated\":" TIME_OR_NULL ",\"lastUsed\":" TIME_OR_NULL \
	",\"webhooks\":{\"type\":\"array\",\"description\":\"What it has registered to be told of changes; of the URLs not the query.\",\"items\":{\"type\":\"object\",\"properties\":{" \
	"\"id\":{\"type\":\"integer\"},\"url\":" TEXT ",\"failures\":" COUNT ",\"failingSince\":" TIME_OR_NULL ",\"created\":" TIME_OR_NULL "}}}"
#define NOTICE_KIND "{\"type\":\"string\",\"enum\":[\"webhook\",\"mail\"]}"
#define DELIVERY_STATE "{\"type\":\"string\",\"enum\":[\"WAITING\",\"DELIVERED\",\"DEAD\"]}"
#define OUTCOME_COUNTS "\"addedCount\":" COUNT ",\"notModifiedCount\":" COUNT ",\"failedCount\":" COUNT ",\"updatedCount\":" COUNT ",\"deletedCount\":" COUNT \
	",\"filteredCount\":" COUNT ",\"renamedCount\":" COUNT
#define TOKEN_MEMBERS "\"id\":{\"type\":\"integer\"},\"name\":" TEXT ",\"role\":" ROLE ",\"created\":" TIME_OR_NULL ",\"expires\":" TIME_OR_NULL

const struct us_schema us_schemas[] = {
	{ "Error", "{\"type\":\"object\",\"required\":[\"status\",\"error\",\"message\"],\"properties\":{\"status\":{\"type\":\"integer\"},\"error\":" TEXT
		",\"message\":" TEXT ",\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\",\"reason\"],\"properties\":{"
		"\"field\":" TEXT ",\"reason\":" TEXT "}}},\"connectors\":" LIST("ImportedConnector") "}}" },
	{ "Health", "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\":" TEXT "}}" },
	{ "SupportBundle", "{\"type\":\"object\",\"required\":[\"format\",\"formatVersion\",\"created\",\"version\",\"libraries\",\"uptimeSeconds\",\"store\",\"connectors\",\"metrics\"],"
		"\"properties\":{\"format\":{\"const\":\"usersync-support\"},\"formatVersion\":{\"const\":1},\"created\":" TIME ",\"version\":" TEXT ",\"build\":{\"type\":\"object\"},"
		"\"libraries\":{\"type\":\"object\"},\"system\":{\"type\":\"object\"},\"started\":" TIME ",\"uptimeSeconds\":" COUNT ",\"store\":{\"type\":\"object\"},"
		"\"connectors\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"metrics\":" TEXT "}}" },
	{ "OpenApi", "{\"type\":\"object\",\"required\":[\"openapi\",\"paths\"]}" },
	{ "Connector", "{\"type\":\"object\",\"required\":[\"uniqueId\",\"id\",\"name\",\"type\",\"directoryId\",\"enabled\",\"lastStatus\",\"paused\",\"nextRuns\"],\"properties\":{"
		"\"uniqueId\":{\"type\":\"string\",\"format\":\"uuid\"},\"id\":{\"type\":\"integer\"},\"name\":" TEXT ",\"type\":" TEXT ",\"directoryId\":{\"type\":\"integer\"},"
		"\"enabled\":{\"type\":\"boolean\"},\"configuration\":{\"type\":\"object\",\"description\":\"Not shown to the role monitor.\"},"
		"\"inherited\":{\"type\":\"object\",\"description\":\"Limits, onLimit and heldExpiry of the server that the configuration has none of its own for.\"},"
		"\"lastStatus\":{\"type\":[\"string\",\"null\"],\"enum\":[null," RUN_STATUS "]},"
		"\"heldRun\":{\"type\":[\"integer\",\"null\"],\"description\":\"The newest run that waits for a decision; updates of single users may have come since.\"},"
		"\"paused\":{\"type\":\"boolean\",\"description\":\"The schedule starts no runs.\"},\"pausedSince\":" TIME_OR_NULL ",\"pausedBy\":" TEXT_OR_NULL ","
		"\"nextRuns\":{\"type\":\"array\",\"items\":" TIME ",\"description\":\"The next starts by the schedule, five at most.\"},"
		"\"missedRuns\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Times of the schedule that passed without a run.\"},"
		"\"scheduleProblem\":{\"type\":[\"string\",\"null\"],\"description\":\"Why a schedule that was saved cannot be kept.\"},\"created\":" TIME_OR_NULL ",\"updated\":" TIME_OR_NULL "}}" },
	{ "SavedLimitDefaults", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limits\":{\"type\":[\"object\",\"null\"]},"
		"\"onLimit\":{\"type\":[\"string\",\"null\"],\"enum\":[null,\"hold\",\"cleanup\"]},\"heldExpiry\":" TEXT_OR_NULL
		",\"updated\":{\"description\":\"Passed over.\"},\"updatedBy\":{\"description\":\"Passed over.\"}}}" },
	{ "LimitDefaults", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"limits\":{\"type\":[\"object\",\"null\"],"
		"\"description\":\"As in a connector's configuration; each of its members stands for connectors that do not have that one.\"},"
		"\"onLimit\":{\"type\":[\"string\",\"null\"],\"enum\":[null,\"hold\",\"cleanup\"]},\"heldExpiry\":" TEXT_OR_NULL
		",\"updated\":" TIME_OR_NULL ",\"updatedBy\":" TEXT_OR_NULL "}}" },
	{ "ConnectorList", LIST("Connector") },
	{ "ConnectorFile", "{\"type\":\"object\",\"required\":[\"format\",\"formatVersion\",\"connectors\"],\"properties\":{\"format\":{\"const\":\"usersync-connectors\"},"
		"\"formatVersion\":{\"const\":1},\"connectors\":{\"type\":\"array\",\"maxItems\":1000,\"items\":" REF("ConnectorEntry") "},\"secrets\":" REF("SealedSecrets") "}}" },
	{ "ConnectorEntry", "{\"type\":\"object\",\"description\":\"A secret is \\\"***\\\". What a listing shows besides is passed over.\","
		"\"required\":[\"name\",\"configuration\"],\"properties\":{\"uniqueId\":{\"type\":\"string\",\"format\":\"uuid\"},\"name\":" TEXT ",\"type\":" TEXT
		",\"enabled\":{\"type\":\"boolean\"},\"configuration\":{\"type\":\"object\"}}}" },
	{ "SealedSecrets", "{\"type\":\"object\",\"description\":\"The secrets of the file, under a key that argon2id makes from a passphrase.\",\"required\":[\"version\",\"kdf\",\"passes\",\"memoryBytes\",\"salt\",\"cipher\",\"nonce\",\"data\"],"
		"\"properties\":{\"version\":{\"const\":1},\"kdf\":{\"const\":\"argon2id\"},\"passes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
		"\"memoryBytes\":{\"type\":\"integer\",\"minimum\":8388608,\"maximum\":268435456},\"salt\":" TEXT ",\"cipher\":{\"const\":\"xsalsa20poly1305\"},\"nonce\":" TEXT
		",\"data\":" TEXT "}}" },
	{ "ImportedFile", "{\"anyOf\":[{\"type\":\"object\",\"description\":\"A file, and the passphrase if it holds sealed secrets.\","
		"\"required\":[\"format\",\"formatVersion\",\"connectors\"],\"properties\":{\"format\":{\"const\":\"usersync-connectors\"},"
		"\"formatVersion\":{\"const\":1},\"connectors\":{\"type\":\"array\",\"maxItems\":1000,\"items\":" REF("ConnectorEntry") "},\"secrets\":" REF("SealedSecrets")
		",\"passphrase\":{\"type\":\"string\",\"writeOnly\":true}},\"additionalProperties\":false}," LIST("ConnectorEntry") "," REF("ConnectorEntry") "]}" },
	{ "Passphrase", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"passphrase\"],\"properties\":{\"passphrase\":" PASSWORD "}}" },
	{ "ImportResult", "{\"type\":\"object\",\"required\":[\"dryRun\",\"created\",\"updated\",\"unchanged\",\"connectors\"],\"properties\":{\"dryRun\":{\"type\":\"boolean\"},"
		"\"created\":" COUNT ",\"updated\":" COUNT ",\"unchanged\":" COUNT ",\"connectors\":" LIST("ImportedConnector") "}}" },
	{ "ImportedConnector", "{\"type\":\"object\",\"required\":[\"uniqueId\",\"id\",\"name\",\"type\",\"directoryId\",\"action\",\"changes\",\"messages\"],\"properties\":{"
		"\"uniqueId\":" TEXT_OR_NULL ",\"id\":{\"type\":[\"integer\",\"null\"]},\"name\":" TEXT_OR_NULL ",\"type\":" TEXT_OR_NULL
		",\"directoryId\":{\"type\":[\"integer\",\"null\"]},\"action\":{\"type\":\"string\",\"enum\":[\"created\",\"updated\",\"unchanged\",\"refused\"]},"
		"\"changes\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"description\":\"A secret is \\\"***\\\" on both sides.\",\"required\":[\"field\",\"old\",\"new\"],\"properties\":{\"field\":" TEXT ",\"old\":{},\"new\":{}}}},"
		"\"messages\":" TEXTS "}}" },
	{ "TestResult", "{\"type\":\"object\",\"required\":[\"ok\",\"messages\"],\"properties\":{\"ok\":{\"type\":\"boolean\"},\"messages\":" TEXTS ",\"error\":" TEXT "}}" },
	{ "Status", "{\"type\":\"object\",\"required\":[\"status\",\"addedCount\",\"resultCount\",\"notModifiedCount\",\"failedCount\",\"updatedCount\",\"deletedCount\","
		"\"filteredCount\",\"messages\",\"clusterNode\",\"connectorUID\",\"lastModified\",\"created\",\"duration\",\"id\",\"kind\"],\"properties\":{"
		"\"status\":{\"type\":\"string\",\"enum\":[" RUN_STATUS "]},\"addedCount\":" COUNT ",\"resultCount\":" COUNT ",\"notModifiedCount\":" COUNT
		",\"failedCount\":" COUNT ",\"updatedCount\":" COUNT ",\"deletedCount\":" COUNT ",\"filteredCount\":" COUNT ",\"messages\":" TEXTS ",\"clusterNode\":" TEXT
		",\"connectorUID\":{\"type\":[\"string\",\"null\"],\"format\":\"uuid\",\"description\":\"null: the run is an edit by hand, or its undo.\"},\"lastModified\":" TIME ",\"created\":" TIME
		",\"duration\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Whole seconds.\"},\"id\":{\"type\":\"integer\"},"
		"\"kind\":{\"type\":\"string\",\"enum\":[\"full\",\"delta\",\"single\",\"simulation\",\"apply\",\"undo\",\"edit\",\"cleanup\"]},\"renamedCount\":" COUNT ",\"disabledCount\":" COUNT
		",\"anonymizedCount\":" COUNT ",\"heldCount\":" COUNT ",\"groups\":{\"type\":\"object\",\"properties\":{" OUTCOME_COUNTS "}},"
		"\"memberships\":{\"type\":\"object\",\"properties\":{\"addedCount\":" COUNT ",\"removedCount\":" COUNT ",\"notModifiedCount\":" COUNT "}},"
		"\"directoryId\":{\"type\":\"integer\"},\"actor\":" TEXT_OR_NULL ",\"trigger\":{\"type\":[\"string\",\"null\"],\"enum\":[null,\"api\",\"cli\",\"schedule\",\"missed\",\"application\",\"push\"],"
		"\"description\":\"What started it; missed: the schedule, to make up for times that passed without a run; application: one that this server serves; push: an identity provider that pushed.\"},"
		"\"due\":{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"When the schedule wanted it.\"},\"username\":" TEXT ",\"planOf\":{\"type\":\"integer\"},\"changes\":" COUNT
		",\"resultsPruned\":{\"type\":\"boolean\",\"description\":\"Its results are no longer kept.\"}"
		",\"progress\":{\"type\":[\"object\",\"null\"]},\"certificate\":{\"type\":[\"object\",\"array\",\"null\"],\"description\":\"What was read: each listing and the sign of its end; scope: the required groups, if only their users were read.\"},\"held\":{\"type\":[\"object\",\"array\",\"null\"],\"description\":\"The rule and its numbers; part and run: only the cleanup is held, as that run; expired: nobody has decided about that in time; overtaken: a later sync had nothing to hold.\"},\"expires\":" TIME_OR_NULL ",\"override\":{\"type\":[\"object\",\"null\"],\"description\":\"The limits that whoever started it has overridden, by whom and why.\"},\"decidedBy\":" TEXT_OR_NULL "}}" },
	{ "StatusPage", "{\"type\":\"object\",\"required\":[\"runs\",\"cursor\"],\"properties\":{\"runs\":" LIST("Status") "," CURSOR "}}" },
	{ "Result", "{\"type\":\"object\",\"required\":[\"ord\",\"object\",\"outcome\"],\"properties\":{\"ord\":" COUNT
		",\"object\":{\"type\":\"string\",\"enum\":[\"user\",\"group\",\"members\"]},\"outcome\":{\"type\":\"string\",\"enum\":[\"ADDED\",\"UPDATED\",\"RENAMED\","
		"\"NOT_MODIFIED\",\"FILTERED\",\"FAILED\",\"DISABLED\",\"DELETED\",\"ANONYMIZED\",\"HELD\"]},\"id\":" TEXT_OR_NULL ",\"name\":" TEXT_OR_NULL ",\"reason\":" TEXT_OR_NULL
		",\"before\":{\"type\":[\"object\",\"null\"]},\"after\":{\"type\":[\"object\",\"null\"]},\"members\":{\"type\":\"object\"}}}" },
	{ "ResultPage", "{\"anyOf\":[{\"type\":\"object\",\"required\":[\"id\",\"results\",\"cursor\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"results\":" LIST("Result") ","
		CURSOR "}}," LIST("Result") "]}" },
	{ "Explanation", "{\"type\":\"object\",\"required\":[\"username\",\"connectorUID\",\"directoryId\",\"found\",\"why\",\"reasons\",\"source\",\"groups\",\"groupRules\",\"history\"],\"properties\":{"
		"\"username\":" TEXT ",\"connectorUID\":" TEXT ",\"directoryId\":{\"type\":\"integer\"},\"found\":{\"type\":\"boolean\"},"
		"\"why\":{\"type\":\"string\",\"description\":\"The first of reasons.\"},\"reasons\":" TEXTS ",\"user\":{\"type\":[\"object\",\"null\"]},"
		"\"source\":{\"type\":[\"object\",\"null\"],\"description\":\"null: the source was not asked.\",\"required\":[\"reached\"],\"properties\":{\"reached\":{\"type\":\"boolean\"},"
		"\"error\":" TEXT ",\"found\":{\"type\":\"boolean\"},\"id\":" TEXT ",\"record\":{\"type\":\"object\"},\"outcome\":{\"type\":\"string\",\"enum\":[\"WANTED\",\"FILTERED\",\"FAILED\"]},"
		"\"reason\":" TEXT_OR_NULL ",\"wanted\":{\"type\":[\"object\",\"null\"]},\"rows\":" MAPPING_ROWS "}},"
		"\"groups\":{\"type\":\"array\",\"description\":\"That the user is in; through: the group inside it, if it is not a direct one.\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"why\"],\"properties\":{"
		"\"name\":" TEXT ",\"why\":" TEXT ",\"through\":" TEXT "}}},"
		"\"groupRules\":{\"type\":\"array\",\"description\":\"Of the groups that the source, the mapping and assignGroups give.\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"sourceName\",\"outcome\",\"why\"],\"properties\":{"
		"\"name\":" TEXT ",\"sourceName\":" TEXT_OR_NULL ",\"outcome\":{\"type\":\"string\",\"enum\":[\"GIVEN\",\"DROPPED\",\"LEFT\"]},\"why\":" TEXT "}}},"
		"\"lastRun\":{\"type\":[\"object\",\"null\"]},\"history\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}" },
	{ "ExplainRequest", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"configuration\"],\"properties\":{"
		"\"configuration\":{\"type\":\"object\",\"description\":\"In place of the stored one; a secret given as \\\"***\\\" is the stored one.\"}}}" },
	{ "PreviewRequest", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
		"\"configuration\":{\"type\":\"object\",\"description\":\"In place of the stored one; a secret given as \\\"***\\\" is the stored one.\"},"
		"\"username\":{\"type\":\"string\",\"minLength\":1,\"description\":\"Whom to ask the source for; or else record.\"},"
		"\"record\":{\"type\":\"object\",\"description\":\"A user as the source would give it; the source is not asked.\"},"
		"\"sample\":{\"type\":\"boolean\",\"description\":\"Whether a page of users is read for warnings; by default if a username is given.\"}}}" },
	{ "Preview", "{\"type\":\"object\",\"required\":[\"outcome\",\"reason\",\"user\",\"existing\",\"rows\",\"record\",\"sampled\",\"warnings\"],\"properties\":{"
		"\"outcome\":{\"type\":\"string\",\"enum\":[\"WANTED\",\"FILTERED\",\"FAILED\"]},\"reason\":" TEXT_OR_NULL ",\"user\":{\"type\":[\"object\",\"null\"]},"
		"\"groups\":" TEXTS ",\"existing\":{\"type\":[\"object\",\"null\"]},\"rows\":" MAPPING_ROWS ",\"record\":{\"type\":\"object\"},\"sampled\":" COUNT ",\"warnings\":{\"type\":\"array\",\"items\":{"
		"\"type\":\"object\",\"required\":[\"field\",\"reason\"],\"properties\":{\"field\":" TEXT ",\"reason\":" TEXT "}}}}}" },
	{ "Directory", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"users\",\"activeUsers\",\"groups\",\"memberships\",\"revision\"],\"properties\":{"
		"\"id\":{\"type\":\"integer\"},\"name\":" TEXT ",\"connectorUID\":" TEXT_OR_NULL ",\"users\":" COUNT ",\"activeUsers\":" COUNT ",\"groups\":" COUNT
		",\"memberships\":" COUNT ",\"revision\":" COUNT ",\"created\":" TIME_OR_NULL "}}" },
	{ "DirectoryList", LIST("Directory") },
	{ "NewDirectory", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" OBJECT_NAME "}}" },
	{ "NewDirectoryUser", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{" USER_FIELDS "}}" },
	{ "SavedDirectoryUser", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" USER_FIELDS "," SHOWN_FIELDS ",\"missingSince\":{}}}" },
	{ "NewDirectoryGroup", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{" GROUP_FIELDS "}}" },
	{ "SavedDirectoryGroup", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" GROUP_FIELDS "," SHOWN_FIELDS "}}" },
	{ "Password", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"password\"],\"properties\":{\"password\":" PASSWORD "}}" },
	{ "User", "{\"type\":\"object\",\"required\":[\"name\",\"active\"],\"properties\":{\"id\":" TEXT ",\"name\":" TEXT ",\"fullName\":" TEXT ",\"firstName\":" TEXT
		",\"lastName\":" TEXT ",\"email\":" TEXT ",\"active\":{\"type\":\"boolean\"},\"attributes\":{\"type\":\"object\"}}}" },
	{ "Group", "{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"id\":" TEXT ",\"name\":" TEXT ",\"description\":" TEXT ",\"attributes\":{\"type\":\"object\"}}}" },
	{ "UserPage", "{\"type\":\"object\",\"required\":[\"users\",\"cursor\"],\"properties\":{\"users\":" LIST("User") "," CURSOR "}}" },
	{ "GroupPage", "{\"type\":\"object\",\"required\":[\"groups\",\"cursor\"],\"properties\":{\"groups\":" LIST("Group") "," CURSOR "}}" },
	{ "Login", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"username\"],\"properties\":{\"username\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}"
		",\"at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\",\"description\":\"now if it is not given\"}}}" },
	{ "Logins", "{\"anyOf\":[" REF("Login") ",{\"type\":\"array\",\"items\":" REF("Login") "}]}" },
	{ "NotedLogins", "{\"type\":\"object\",\"required\":[\"received\",\"noted\",\"notLater\",\"returning\",\"unknown\",\"unknownUsers\"],\"properties\":{\"received\":" COUNT ",\"noted\":" COUNT
		",\"notLater\":" COUNT ",\"returning\":" COUNT ",\"unknown\":" COUNT ",\"unknownUsers\":" TEXTS "}}" },
	{ "LoginPage", "{\"type\":\"object\",\"required\":[\"logins\",\"cursor\"],\"properties\":{\"logins\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
		"\"username\",\"active\",\"lastLogin\",\"lastLoginVia\"],\"properties\":{\"username\":" TEXT ",\"active\":{\"type\":\"boolean\"},\"lastLogin\":" TIME_OR_NULL
		",\"lastLoginVia\":" TEXT_OR_NULL "}}}," CURSOR "}}" },
	{ "UserDetail", "{\"type\":\"object\",\"required\":[\"user\",\"lastLogin\",\"lastLoginVia\",\"groupCount\",\"groups\"],\"properties\":{\"user\":" REF("User") ",\"lastLogin\":" TIME_OR_NULL
		",\"lastLoginVia\":" TEXT_OR_NULL ",\"groupCount\":" COUNT ",\"groups\":" TEXTS "}}" },
	{ "GroupDetail", "{\"type\":\"object\",\"required\":[\"group\",\"userCount\",\"groupCount\",\"users\",\"groups\",\"cursor\"],\"properties\":{\"group\":" REF("Group")
		",\"userCount\":" COUNT ",\"groupCount\":" COUNT ",\"users\":" TEXTS ",\"groups\":" TEXTS "," CURSOR "}}" },
	{ "Change", "{\"type\":\"object\",\"required\":[\"position\",\"run\",\"time\",\"object\",\"operation\",\"number\",\"id\",\"name\"],\"properties\":{"
		"\"position\":{\"type\":\"integer\",\"description\":\"The directory's revision once the run was applied: changes with the same one were one step.\"},"
		"\"run\":{\"type\":\"integer\"},\"time\":" TIME_OR_NULL ",\"object\":{\"type\":\"string\",\"enum\":[\"user\",\"group\",\"members\"]},"
		"\"operation\":{\"type\":\"string\",\"description\":\"Of members: whether they came or went.\",\"enum\":[\"ADDED\",\"UPDATED\",\"RENAMED\","
		"\"DISABLED\",\"DELETED\",\"ANONYMIZED\",\"REMOVED\"]},"
		"\"number\":{\"type\":\"integer\",\"description\":\"Of the user or the group within the directory; it stays when the name changes.\"},"
		"\"id\":" TEXT_OR_NULL ",\"name\":" TEXT_OR_NULL ",\"before\":{\"type\":[\"object\",\"null\"]},\"after\":{\"type\":[\"object\",\"null\"]},"
		"\"members\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"object\",\"number\",\"name\"],\"properties\":{\"object\":{\"type\":\"string\","
		"\"enum\":[\"user\",\"group\"]},\"number\":{\"type\":\"integer\"},\"name\":" TEXT "}}}}}" },
	{ "ChangePage", "{\"type\":\"object\",\"required\":[\"changes\",\"next\",\"more\"],\"properties\":{\"changes\":" LIST("Change") ",\"next\":" TEXT
		",\"more\":{\"type\":\"boolean\",\"description\":\"Whether there are changes behind this page already.\"}}}" },
	{ "Subscription", "{\"type\":\"object\",\"required\":[\"id\",\"directoryId\",\"state\",\"since\",\"behind\",\"configuration\"],\"properties\":{\"id\":{\"type\":\"integer\"},"
		"\"directoryId\":{\"type\":\"integer\"},\"state\":{\"type\":\"string\",\"enum\":[\"ACTIVE\",\"STOPPED\"]},\"since\":{\"type\":\"string\",\"description\":\"A token: what was "
		"before it has arrived.\"},\"behind\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"So many runs whose changes have not all arrived.\"},\"tries\":" COUNT
		",\"nextTry\":" TIME_OR_NULL ",\"lastDelivered\":" TIME_OR_NULL ",\"failingSince\":" TIME_OR_NULL ",\"stopped\":" TIME_OR_NULL ",\"error\":" TEXT_OR_NULL
		",\"configuration\":{\"type\":\"object\"},\"created\":" TIME_OR_NULL ",\"updated\":" TIME_OR_NULL
		",\"secret\":{\"type\":\"string\",\"description\":\"Only in the answer that made it.\"}}}" },
	{ "SubscriptionList", LIST("Subscription") },
	{ "NewSubscription", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"directoryId\",\"configuration\"],\"properties\":{\"directoryId\":{\"type\":\"integer\","
		"\"minimum\":1},\"since\":" SINCE ",\"configuration\":" REF("Subscription_webhook") "}}" },
	{ "SavedSubscription", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"configuration\"],\"description\":\"What is shown besides is passed over.\",\"properties\":{"
		"\"configuration\":" REF("Subscription_webhook") ",\"id\":{},\"directoryId\":{},\"state\":{},\"since\":{},\"behind\":{},\"tries\":{},\"nextTry\":{},\"lastDelivered\":{},"
		"\"failingSince\":{},\"stopped\":{},\"error\":{},\"created\":{},\"updated\":{}}}" },
	{ "ResumedSubscription", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"since\":" SINCE "}}" },
	{ "Account", "{\"type\":\"object\",\"required\":[\"name\",\"role\"],\"properties\":{\"name\":" TEXT ",\"role\":" ROLE ",\"created\":" TIME_OR_NULL ",\"updated\":" TIME_OR_NULL "}}" },
	{ "AccountList", LIST("Account") },
	{ "NewAccount", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"role\",\"password\"],\"properties\":{\"name\":" ACCOUNT_NAME ",\"role\":" ROLE
		",\"password\":" PASSWORD "}}" },
	{ "ChangedAccount", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"role\":" ROLE ",\"password\":" PASSWORD "}}" },
	{ "Token", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"role\",\"created\",\"expires\"],\"properties\":{" TOKEN_MEMBERS "}}" },
	{ "TokenList", LIST("Token") },
	{ "NewToken", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"role\"],\"properties\":{\"name\":" TOKEN_NAME ",\"role\":" ROLE
		",\"expiresIn\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":3162240000,\"description\":\"Seconds; for ever if it is not given.\"}}}" },
	{ "CreatedToken", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"role\",\"created\",\"expires\",\"token\"],\"properties\":{" TOKEN_MEMBERS ",\"token\":" TEXT "}}" },
	{ "Application", "{\"type\":\"object\",\"required\":[\"name\",\"directories\",\"addresses\",\"rights\",\"hasPassword\",\"hasToken\",\"lastUsed\"],\"properties\":{"
		"\"name\":" TEXT "," APPLICATION_SETTINGS "," APPLICATION_SHOWN ",\"password\":{\"type\":\"string\",\"description\":\"Only in the answer that made it.\"},"
		"\"token\":{\"type\":\"string\",\"description\":\"Only in the answer that made it.\"}}}" },
	{ "ApplicationList", LIST("Application") },
	{ "NewApplication", "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\"],\"properties\":{\"name\":" ACCOUNT_NAME ",\"password\":" PASSWORD
		"," APPLICATION_SETTINGS "}}" },
	{ "SavedApplication", "{\"type\":\"object\",\"additionalProperties\":false,\"description\":\"What a listing shows besides is passed over.\",\"properties\":{"
		"\"name\":" ACCOUNT_NAME ",\"password\":" PASSWORD "," APPLICATION_SETTINGS ",\"hasPassword\":{},\"hasToken\":{},\"created\":{},\"updated\":{},\"lastUsed\":{},\"webhooks\":{}}}" },
	{ "NoticeTarget", "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"kind\",\"enabled\",\"configuration\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":" TEXT
		",\"kind\":" NOTICE_KIND ",\"enabled\":{\"type\":\"boolean\"},\"configuration\":{\"type\":\"object\"},\"created\":" TIME_OR_NULL ",\"updated\":" TIME_OR_NULL
		",\"secret\":{\"type\":\"string\",\"description\":\"Only in the answer that made it.\"}}}" },
	{ "NoticeTargetList", LIST("NoticeTarget") },
	{ "Delivery", "{\"type\":\"object\",\"required\":[\"id\",\"messageId\",\"targetId\",\"target\",\"type\",\"state\",\"tries\",\"created\",\"nextTry\",\"finished\",\"error\",\"body\"],"
		"\"properties\":{\"id\":{\"type\":\"integer\"},\"messageId\":" TEXT ",\"targetId\":{\"type\":\"integer\"},\"target\":" TEXT ",\"type\":" TEXT ",\"state\":" DELIVERY_STATE
		",\"tries\":" COUNT ",\"created\":" TIME ",\"nextTry\":" TIME_OR_NULL ",\"finished\":" TIME_OR_NULL ",\"error\":" TEXT_OR_NULL ",\"body\":{\"type\":\"object\"}}}" },
	{ "DeliveryPage", "{\"type\":\"object\",\"required\":[\"deliveries\",\"cursor\"],\"properties\":{\"deliveries\":" LIST("Delivery") "," CURSOR "}}" },
	{ NULL, NULL },
};
