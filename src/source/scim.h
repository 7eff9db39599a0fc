/* SCIM, inbound: an identity provider pushes users and groups to this server, and this source reads what it has pushed.
 *
 * A listing is complete once anything was pushed at all: the provider then decides what there is. Before that nothing is known, which is US_PARTIAL.
 * The change feed is the order of the pushes; who was deleted is in it.
 * Ids are those of the resources ("u17", "g3"), and members are named by them. Fields are the members of the document as paths ("name.givenName",
 * "emails.value", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department"), and id, externalId.
 * Spec: RFC 7643, RFC 7644.
 */
#ifndef US_SOURCE_SCIM_H
#define US_SOURCE_SCIM_H

#include "source/source.h"

extern const struct us_source_ops us_source_scim;

#endif
