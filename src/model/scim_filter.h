/* Filters of SCIM: which resources, or which values of an attribute, are meant.
 *
 *     userName eq "anna" and not (emails co "example.com" or active eq false)
 *     emails[type eq "work" and value ew "@example.com"]
 *     meta.lastModified gt "2026-03-09T10:30:00Z"
 *
 * Operators: eq ne co sw ew gt ge lt le pr. Text compares without case unless the schema says otherwise; of several values one must fit. ne is
 * true, too, where there is no value. A list or complex attribute alone means its sub-attribute `value`. Also taken: "true" and "false" in
 * quotes for booleans, numbers for texts, emails[…].value eq "x".
 * Errors: US_INVALID with US_SCIM_INVALID_FILTER and the place ("at byte 17: …").
 * Spec: RFC 7644, 3.4.2.2.
 */
#ifndef US_MODEL_SCIM_FILTER_H
#define US_MODEL_SCIM_FILTER_H

#include "base/json.h"
#include "model/scim_path.h"

enum { US_SCIM_FILTER_MAX_BYTES = 65536 };

#define US_SCIM_OPERATOR_TABLE(X) \
	X(US_SCIM_EQ, "eq") X(US_SCIM_NE, "ne") X(US_SCIM_CO, "co") X(US_SCIM_SW, "sw") X(US_SCIM_EW, "ew") \
	X(US_SCIM_GT, "gt") X(US_SCIM_GE, "ge") X(US_SCIM_LT, "lt") X(US_SCIM_LE, "le") X(US_SCIM_PR, "pr")

enum us_scim_operator {
#define X(operator, name) operator,
	US_SCIM_OPERATOR_TABLE(X)
#undef X
};

/* A leaf of the tree. */
struct us_scim_condition {
	struct us_logic node;
	struct us_scim_path path;  /* attribute NULL: one that the kind does not have, and that nothing has a value of */
	enum us_scim_operator operator; /* pr also for a filter in brackets alone: one value fits it */
	/* What is compared with, by the type of the attribute: */
	struct us_slice text;      /* as it was written, without quotes */
	struct us_slice fold;      /* NONE: text compares byte by byte */
	bool boolean;              /* of pr: false, if there must be no value (eq null) */
	int64_t at_s;
};

static inline const struct us_scim_condition *us_scim_condition_of(const struct us_logic *leaf)
{
	return (const struct us_scim_condition *) leaf;
}

/* may_be_unknown: an attribute that the kind does not have is no error, for searches over all kinds. Everything lives in arena, but for what
 * borrows from text. */
enum us_errc us_scim_filter_parse(struct us_arena *arena, const struct us_scim_kind *kind, struct us_slice text, bool may_be_unknown,
	const struct us_logic **ret_tree, struct us_err *err);
/* From the opening bracket at the front of *text, over the closing one and a sub-attribute behind it; fills path's filter and sub. */
enum us_errc us_scim_filter_parse_values(struct us_arena *arena, const struct us_scim_kind *kind, struct us_scim_path *path,
	struct us_slice *text, struct us_err *err);

/* Resources and values have the schema's names as they are written there (model/scim_resource.h). scratch: what is allocated in it is of no
 * use afterwards. */
struct us_scim_judge {
	struct us_arena *scratch;
	/* Asked first about each condition; true: *ret_is is the answer. For what is not in the resource itself. May be NULL. */
	bool (*ask)(void *data, const struct us_scim_condition *condition, bool *ret_is);
	void *data;
};
bool us_scim_filter_is_met(const struct us_logic *tree, const struct us_json *resource, const struct us_scim_judge *judge);
/* One condition against the value of its attribute, NULL: there is none. */
bool us_scim_condition_is_met(const struct us_scim_condition *condition, const struct us_json *value, struct us_arena *scratch);
/* A filter in brackets against one value of its attribute. */
bool us_scim_filter_is_met_by_value(const struct us_logic *tree, const struct us_json *value, struct us_arena *scratch);
/* Whether the filter looks at the attribute of that name in the kind's own schema. */
bool us_scim_filter_uses(const struct us_logic *tree, const struct us_scim_attribute *attribute);

#endif
