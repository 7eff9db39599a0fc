/* One request of the Crowd protocol on its way through a handler, and what handlers share. Only the crowd files of serve/ include this. */
#ifndef US_SERVE_CROWD_CALL_H
#define US_SERVE_CROWD_CALL_H

#include "serve/crowd_writer.h"
#include "serve/parts.h"
#include "serve/view.h"

/* Reasons as clients read them, each with its status. */
#define US_CROWD_REASONS(X) \
	X(APPLICATION_ACCESS_DENIED, 403) X(APPLICATION_PERMISSION_DENIED, 403) X(EVENT_TOKEN_EXPIRED, 400) X(EXPIRED_CREDENTIAL, 400) \
	X(GROUP_NOT_FOUND, 404) X(ILLEGAL_ARGUMENT, 400) X(INACTIVE_ACCOUNT, 400) X(INCREMENTAL_SYNC_NOT_AVAILABLE, 400) X(INVALID_CREDENTIAL, 400) \
	X(INVALID_EMAIL, 400) X(INVALID_GROUP, 400) X(INVALID_SSO_TOKEN, 404) X(INVALID_USER, 400) X(INVALID_USER_AUTHENTICATION, 400) \
	X(MEMBERSHIP_ALREADY_EXISTS, 409) X(MEMBERSHIP_NOT_FOUND, 404) X(NESTED_GROUPS_NOT_SUPPORTED, 400) X(OPERATION_FAILED, 500) \
	X(UNSUPPORTED_OPERATION, 400) X(USER_NOT_FOUND, 404)
enum us_crowd_reason {
#define X(name, status) US_CROWD_##name,
	US_CROWD_REASONS(X)
#undef X
	US_CROWD_REASON_COUNT
};

struct us_crowd_call {
	struct us_serve *serve;
	struct us_httpd_request *request;
	struct us_httpd_answer *answer;
	struct us_arena *arena;
	struct us_client client;
	struct us_view view;             /* open while a reading handler runs */
	struct us_crowd_writer writer;   /* into the answer's body, in the format that is wanted */
	struct us_slice parameter;       /* of the path: a token */
	bool may_ask;                    /* it may wait for an identity provider */
	int64_t asks;                    /* with an error of a handler: it must, for this directory: it is called again when it may; 0: no */
	enum us_crowd_reason reason;     /* with an error of a handler: what clients are told; US_CROWD_REASON_COUNT: by the error's code */
};

/* Sets the reason and the text; gives US_INVALID, which any handler returns as it is. */
enum us_errc us_crowd_refuse(struct us_crowd_call *call, enum us_crowd_reason reason, struct us_err *err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A query parameter; NONE if it is not there. */
struct us_slice us_crowd_parameter(const struct us_crowd_call *call, const char *name);
/* The same; ILLEGAL_ARGUMENT if it is not there. */
enum us_errc us_crowd_need(struct us_crowd_call *call, const char *name, struct us_slice *ret_value, struct us_err *err);
/* Whether `expand` names it. */
bool us_crowd_expands(const struct us_crowd_call *call, const char *what);
/* start-index and max-results. What is no number counts as not given; below zero is unlimited. */
struct us_crowd_window {
	int64_t start, left;
};
struct us_crowd_window us_crowd_read_window(const struct us_crowd_call *call);

/* The user or group that a parameter names; USER_NOT_FOUND, GROUP_NOT_FOUND, ILLEGAL_ARGUMENT. */
enum us_errc us_crowd_find_user(struct us_crowd_call *call, struct us_slice name, struct us_seen_user *ret_user, struct us_err *err);
enum us_errc us_crowd_find_group(struct us_crowd_call *call, struct us_slice name, struct us_seen_group *ret_group, struct us_err *err);

/* What a user's password is known by, ZERO without one: another one after each change. For sessions. */
enum us_errc us_crowd_load_password(struct us_crowd_call *call, int64_t directory, uint32_t user, struct us_hash *ret_password, struct us_err *err);

/* ---- handlers: each is described by its row of the route table ---- */

#define US_CROWD_HANDLERS(X) \
	X(us_crowd_get_user) X(us_crowd_get_user_attributes) X(us_crowd_get_group) X(us_crowd_get_group_attributes) \
	X(us_crowd_get_groups_of_user) X(us_crowd_get_nested_groups_of_user) X(us_crowd_get_users_of_group) \
	X(us_crowd_get_nested_users_of_group) X(us_crowd_get_child_groups) X(us_crowd_get_nested_child_groups) \
	X(us_crowd_get_parent_groups) X(us_crowd_get_nested_parent_groups) X(us_crowd_get_memberships) \
	X(us_crowd_search) X(us_crowd_get_cookie) X(us_crowd_add_user) X(us_crowd_update_user) \
	X(us_crowd_remove_user) X(us_crowd_rename_user) X(us_crowd_set_user_attributes) \
	X(us_crowd_remove_user_attribute) X(us_crowd_set_password) X(us_crowd_add_group) X(us_crowd_update_group) \
	X(us_crowd_set_group_attributes) X(us_crowd_remove_group_attribute) \
	X(us_crowd_remove_group) X(us_crowd_add_user_to_group) X(us_crowd_remove_user_from_group) \
	X(us_crowd_add_group_to_user) X(us_crowd_remove_group_from_user) X(us_crowd_add_child_group) \
	X(us_crowd_remove_child_group) X(us_crowd_add_parent_group) X(us_crowd_remove_parent_group) \
	X(us_crowd_get_event_token) X(us_crowd_get_events) \
	X(us_crowd_authenticate) X(us_crowd_notify) X(us_crowd_open_session) X(us_crowd_get_session) X(us_crowd_validate_session) \
	X(us_crowd_end_session) X(us_crowd_end_sessions) X(us_crowd_add_webhook) X(us_crowd_get_webhook) X(us_crowd_remove_webhook)
#define X(name) enum us_errc name(struct us_crowd_call *call, struct us_err *err);
US_CROWD_HANDLERS(X)
#undef X

#endif
