/* One function for each verb; the table that names them is in verbs.c. Each gives the exit code. */
#ifndef US_CMD_VERBS_H
#define US_CMD_VERBS_H

#include "cmd/cli.h"

int us_serve_run(struct us_cli *cli);

int us_connector_list_run(struct us_cli *cli);
int us_connector_show_run(struct us_cli *cli);
int us_connector_apply_run(struct us_cli *cli);
int us_connector_export_run(struct us_cli *cli);
int us_connector_import_run(struct us_cli *cli);
int us_connector_test_run(struct us_cli *cli);
int us_connector_preview_run(struct us_cli *cli);
int us_connector_pause_run(struct us_cli *cli);
int us_connector_resume_run(struct us_cli *cli);
int us_connector_delete_run(struct us_cli *cli);

int us_sync_run(struct us_cli *cli);
int us_cancel_run(struct us_cli *cli);
int us_status_run(struct us_cli *cli);
int us_results_run(struct us_cli *cli);

int us_approve_run(struct us_cli *cli);
int us_reject_run(struct us_cli *cli);
int us_apply_run(struct us_cli *cli);
int us_undo_run(struct us_cli *cli);

int us_explain_run(struct us_cli *cli);

int us_limits_show_run(struct us_cli *cli);
int us_limits_set_run(struct us_cli *cli);
int us_directory_list_run(struct us_cli *cli);
int us_directory_show_run(struct us_cli *cli);
int us_directory_users_run(struct us_cli *cli);
int us_directory_groups_run(struct us_cli *cli);
int us_directory_changes_run(struct us_cli *cli);
int us_directory_delete_run(struct us_cli *cli);
int us_directory_create_run(struct us_cli *cli);
int us_directory_edits_run(struct us_cli *cli);
int us_directory_user_add_run(struct us_cli *cli);
int us_directory_user_set_run(struct us_cli *cli);
int us_directory_user_remove_run(struct us_cli *cli);
int us_directory_user_password_run(struct us_cli *cli);
int us_directory_group_add_run(struct us_cli *cli);
int us_directory_group_set_run(struct us_cli *cli);
int us_directory_group_remove_run(struct us_cli *cli);
int us_directory_member_add_run(struct us_cli *cli);
int us_directory_member_remove_run(struct us_cli *cli);
int us_directory_login_list_run(struct us_cli *cli);
int us_directory_login_note_run(struct us_cli *cli);
int us_directory_login_import_run(struct us_cli *cli);

int us_user_add_run(struct us_cli *cli);
int us_user_list_run(struct us_cli *cli);
int us_user_change_run(struct us_cli *cli);
int us_user_remove_run(struct us_cli *cli);
int us_token_add_run(struct us_cli *cli);
int us_token_list_run(struct us_cli *cli);
int us_token_remove_run(struct us_cli *cli);

int us_application_list_run(struct us_cli *cli);
int us_application_show_run(struct us_cli *cli);
int us_application_add_run(struct us_cli *cli);
int us_application_change_run(struct us_cli *cli);
int us_application_token_run(struct us_cli *cli);
int us_application_remove_run(struct us_cli *cli);

int us_support_run(struct us_cli *cli);
int us_subscription_list_run(struct us_cli *cli);
int us_subscription_show_run(struct us_cli *cli);
int us_subscription_add_run(struct us_cli *cli);
int us_subscription_resume_run(struct us_cli *cli);
int us_subscription_remove_run(struct us_cli *cli);
int us_notice_target_list_run(struct us_cli *cli);
int us_notice_target_show_run(struct us_cli *cli);
int us_notice_target_add_run(struct us_cli *cli);
int us_notice_target_change_run(struct us_cli *cli);
int us_notice_target_test_run(struct us_cli *cli);
int us_notice_target_remove_run(struct us_cli *cli);
int us_notice_delivery_list_run(struct us_cli *cli);
int us_notice_delivery_retry_run(struct us_cli *cli);
int us_notice_delivery_discard_run(struct us_cli *cli);

int us_check_run(struct us_cli *cli);
int us_types_run(struct us_cli *cli);
int us_completion_run(struct us_cli *cli);

#endif
