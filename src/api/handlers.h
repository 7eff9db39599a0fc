/* The handlers of the route table. Each is described by its row there. */
#ifndef US_API_HANDLERS_H
#define US_API_HANDLERS_H

#include "api/call.h"

#define US_HANDLERS(X) \
	X(us_connectors_list) X(us_connectors_create) X(us_connectors_show) X(us_connectors_save) X(us_connectors_delete) \
	X(us_connectors_test) X(us_mapping_preview) X(us_connectors_pause) X(us_connectors_resume) \
	X(us_export_plain) X(us_export_sealed) X(us_import) \
	X(us_runs_sync) X(us_runs_simulate) X(us_runs_cancel) X(us_runs_syncsingle) X(us_runs_last) X(us_runs_history) X(us_runs_show) \
	X(us_runs_approve) X(us_runs_reject) X(us_runs_apply) X(us_runs_undo) \
	X(us_results_list) X(us_explain_user) X(us_explain_user_with) \
	X(us_directories_list) X(us_directories_show) X(us_directories_delete) X(us_directories_list_users) X(us_directories_show_user) \
	X(us_directory_logins_note) X(us_directory_logins_list) X(us_directories_list_groups) X(us_directories_show_group) X(us_directories_create) X(us_directories_list_edits) \
	X(us_edits_create_user) X(us_edits_save_user) X(us_edits_delete_user) X(us_edits_set_password) X(us_edits_remove_password) \
	X(us_edits_create_group) X(us_edits_save_group) X(us_edits_delete_group) \
	X(us_edits_add_user) X(us_edits_remove_user) X(us_edits_add_group) X(us_edits_remove_group) \
	X(us_changes_list) \
	X(us_accounts_list) X(us_accounts_add) X(us_accounts_show) X(us_accounts_change) X(us_accounts_remove) \
	X(us_tokens_list) X(us_tokens_add) X(us_tokens_remove) \
	X(us_applications_list) X(us_applications_add) X(us_applications_show) X(us_applications_save) X(us_applications_remove) \
	X(us_applications_make_token) X(us_applications_remove_token) \
	X(us_limits_show) X(us_limits_save) \
	X(us_notices_list_targets) X(us_notices_add_target) X(us_notices_show_target) X(us_notices_save_target) X(us_notices_remove_target) \
	X(us_notices_test_target) X(us_notices_list_deliveries) X(us_notices_show_delivery) X(us_notices_retry_delivery) X(us_notices_discard_delivery) \
	X(us_subscriptions_list) X(us_subscriptions_add) X(us_subscriptions_show) X(us_subscriptions_save) X(us_subscriptions_remove) X(us_subscriptions_resume) \
	X(us_health_live) X(us_health_ready) X(us_metrics_show) X(us_support_show) X(us_openapi_show)

#define X(name) enum us_errc name(struct us_call *call, struct us_err *err);
US_HANDLERS(X)
#undef X

#endif
