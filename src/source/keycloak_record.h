/* Keycloak's JSON as records.
 *
 * Fields are the members of the JSON object, nested ones as paths ("attributes.department"); of groups also pathName, the path without its
 * first slash ("eng/platform"): the leaf names of subgroups need not be unique.
 */
#ifndef US_SOURCE_KEYCLOAK_RECORD_H
#define US_SOURCE_KEYCLOAK_RECORD_H

#include "base/arena.h"
#include "base/json.h"
#include "model/record.h"

/* Slices borrow from json and arena. */
void us_keycloak_user_record(struct us_arena *arena, const struct us_json *json, struct us_record *ret_record);
void us_keycloak_group_record(struct us_arena *arena, const struct us_json *json, struct us_record *ret_record);

#endif
