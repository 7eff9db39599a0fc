/* Source: one kind of identity provider behind a table of functions. Blocking, straight-line, one thread per opened source at a time; no
 * callbacks into the caller.
 *
 * A driver fetches single pages. The one paging loop (source.c) walks the listings, keeps the read certificate and enforces invariant L:
 *
 *     END is a claim. A driver sets page.end only if the IdP itself said that nothing follows, and names the sign in page.signal. Everything
 *     else that stops a listing (size or time limit, refused cursor, lost connection, hidden rows, fewer rows than announced) is an error:
 *     US_PARTIAL, or what it is (US_DENIED, US_UNAVAILABLE …). An error is never an end.
 *
 * Errors that a driver may give: US_PARTIAL, US_UNAVAILABLE (down, refused, busy), US_DENIED (credentials, permissions), US_TLS, US_TIMEOUT,
 * US_PROTOCOL, US_CONFIG, US_THROTTLED, US_CANCELLED, US_NOT_FOUND (find only). The text says what happened and what to change.
 */
#ifndef US_SOURCE_SOURCE_H
#define US_SOURCE_SOURCE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/authentication.h"
#include "model/option.h"
#include "model/pushed.h"
#include "model/record.h"

struct us_source;

struct us_source_stats {
	int64_t requests, retries, binds, searches; /* since open; HTTP requests or LDAP operations */
	int64_t bytes;                              /* received, where known */
};

struct us_listing {
	const char *name;          /* "users", "groups", "members": appears in the certificate and in messages */
	enum us_record_kind kind;  /* what it mainly holds: users for a listing whose lack means "user is gone", and so on */
};

struct us_page {
	const struct us_record *records; /* in the page's arena; may hold more than one kind */
	size_t n;
	struct us_slice next;   /* opaque cursor of the page that follows; NONE at the end */
	bool end;               /* the IdP said that nothing follows */
	const char *signal;     /* at the end: the sign, a literal ("empty paging cookie", "no next link", "end of file") */
	int64_t announced;      /* rows of this listing that the IdP says there are, -1 if it does not say */
	int64_t rows;           /* rows of the listing in this page as the IdP counts them (records may be fewer or more) */
};

/* Where what was pushed to this server is kept, for the kind of source that reads it. Each function as its namesake of store/pushed.h, all of one snapshot; one thread at a time. */
struct us_source_records {
	void *data;
	enum us_errc (*load_state)(void *data, struct us_pushed_state *ret_state, struct us_err *err);
	enum us_errc (*find)(void *data, struct us_arena *arena, bool is_group, enum us_pushed_key by, struct us_slice text, uint32_t number,
		struct us_pushed *ret_pushed, struct us_err *err);
	/* In the order of the numbers, behind this one. */
	enum us_errc (*list)(void *data, struct us_arena *arena, bool is_group, uint32_t after, size_t most, struct us_pushed **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_changed)(void *data, struct us_arena *arena, int64_t after_change, size_t most, struct us_pushed **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_members)(void *data, struct us_arena *arena, uint32_t group, struct us_pushed_member **ret_list, size_t *ret_n,
		struct us_err *err);
	enum us_errc (*list_groups)(void *data, struct us_arena *arena, uint32_t member, struct us_pushed **ret_list, size_t *ret_n, struct us_err *err);
	void (*close)(void *data);
};

/* The slots. Every one may be called again after an error, except after close. */
struct us_source_ops {
	struct us_type type;

	/* Reads the configuration (checked against type.options, secrets in the clear) and copies what it needs; may connect. cancel may be set by
	 * another thread at any time: then the next blocking step ends with US_CANCELLED.
	 * Owns: *ret_source, until close. */
	enum us_errc (*open)(const struct us_conf *conf, const atomic_bool *cancel, struct us_source **ret_source, struct us_err *err);
	void (*close)(struct us_source *source);
	/* Of a kind of source that reads what was pushed to this server: called once behind open, before anything else; NULL: it has another side to
	 * ask. close of the source calls that of the records. */
	void (*take_records)(struct us_source *source, const struct us_source_records *records);

	/* Connects, authenticates, and reads a little of each listing, so that a missing permission shows. notes: one line each of what was
	 * found ("12 users on the first page"), for the admin. Writes nothing anywhere. */
	enum us_errc (*test)(struct us_source *source, struct us_str *notes, struct us_err *err);

	/* Listings of a full read, in the order to be read (users before memberships that name them is kinder to memory, not required). */
	const struct us_listing *(*listings)(struct us_source *source, size_t *ret_n);

	/* One page. cursor is NONE for the first, else page.next of the one before. On US_OK the page is filled, records live in arena. A driver may
	 * keep state between pages, but a first page starts the listing afresh. */
	enum us_errc (*fetch)(struct us_source *source, size_t listing, struct us_slice cursor, struct us_arena *arena,
		struct us_page *ret_page, struct us_err *err);

	/* One user by username as the IdP knows it, or by id if is_id. ret_page holds the groups that the user is in (id, name, ref), then the
	 * user with its complete list of direct groups. US_NOT_FOUND only if the IdP said that there is no such user. */
	enum us_errc (*find)(struct us_source *source, struct us_slice key, bool is_id, struct us_arena *arena,
		struct us_page *ret_page, struct us_err *err);

	/* Reading only some users: both slots, or NULL in both for a source that cannot.
	 *
	 * outline: the groups' records without their members, page by page as fetch gives them. Everything that was narrowed is forgotten.
	 * narrow: from now on the listings of users hold at least those who are in one of these groups, directly or through other groups that are
	 * listed, and need not hold anybody else; they may have other names. refs: of groups, as the records of outline have them. US_END: it cannot
	 * be done for these, and everybody is listed as before. */
	enum us_errc (*outline)(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page,
		struct us_err *err);
	enum us_errc (*narrow)(struct us_source *source, const struct us_slice *refs, size_t n, struct us_err *err);

	/* The change feed: both slots, or NULL in both for a kind of source that has none (type.has_feed says so, too). A cursor is text of the source's own that is good in later runs,
	 * too, until the source refuses it.
	 *
	 * mark: a cursor for the feed as it stands. Who reads everything afterwards and then goes on from the mark misses nothing; some of it may come
	 * again. US_END: this server has no feed, err says why.
	 * changes: one page of what has changed since cursor, each object at most once and as it is now. page.next goes on; with page.end it is where the
	 * next delta begins, and both hold. Records:
	 *     user   as fetch gives it; its groups do not count: who comes into a group or leaves it changes the group
	 *     group  when it, or who is directly in it, has changed: with all its direct members, which are named by id; MEMBERS records with its id as
	 *            ref may follow in the same page. A member that is outside of the listings may be left out or named by an id that find does not know
	 *     gone   is_gone, by id: what the listings no longer have, for whatever reason. A source that is not told so says less than there is, and its
	 *            documentation names what waits for a full sync
	 * US_EXPIRED: the cursor is refused (it is too old, of another server, no cursor at all); err says why, and a full read is needed. Any other
	 * error means that nothing of the feed is known. */
	enum us_errc (*mark)(struct us_source *source, struct us_arena *arena, struct us_slice *ret_cursor, struct us_err *err);
	enum us_errc (*changes)(struct us_source *source, struct us_slice cursor, struct us_arena *arena, struct us_page *ret_page, struct us_err *err);

	/* Whether a password is that of the user with this id; NULL: this kind of source cannot tell (type.authenticates says so, too). US_OK: the IdP
	 * has spoken, *ret_authentication is OK, WRONG, UNKNOWN, INACTIVE (locked or switched off) or EXPIRED (account or password has expired,
	 * or must be renewed). An error is not an answer, and names nobody. Asks once: a second try would count as a second failure. The password is never
	 * empty; it is neither kept nor written anywhere, and what was made of it is wiped. */
	enum us_errc (*authenticate)(struct us_source *source, struct us_slice id, struct us_slice password,
		enum us_authentication *ret_authentication, struct us_err *err);
};

/* First member of each driver's own struct. */
struct us_source {
	const struct us_source_ops *ops;
	struct us_source_stats stats;
};

/* ---- the table of drivers: one row each, in source.c ---- */

const struct us_source_ops *us_source_find(struct us_slice type); /* NULL if there is no such type */
/* The types for the layers that may not see sources; ends with name NULL. */
const struct us_type *us_source_types(void);
/* Puts one more driver into the table, for the tests' own sources; before any thread starts. */
void us_source_register(const struct us_source_ops *ops);

/* ---- the one paging loop ---- */

struct us_certificate_row {
	const char *listing;
	enum us_record_kind kind;
	int64_t pages, rows, announced; /* announced -1: the IdP did not say */
	const char *signal;             /* NULL until the end was seen */
};

#define US_CERTIFICATE_MAX_ROWS 16

/* What was read, and how its end was seen. Whole if every listing ended by the IdP's own word. */
struct us_certificate {
	struct us_certificate_row rows[US_CERTIFICATE_MAX_ROWS];
	size_t n;
};
bool us_certificate_is_whole(const struct us_certificate *certificate);

struct us_reader;
/* Starts a thread that fetches the page after while the last one is being used. The source belongs to the reader until close.
 * Owns: *ret_reader, until close. Errors: US_UNAVAILABLE (no thread). */
enum us_errc us_reader_open(struct us_source *source, struct us_reader **ret_reader, struct us_err *err);
/* The same for the pages of outline, as one listing. */
enum us_errc us_reader_open_outline(struct us_source *source, struct us_reader **ret_reader, struct us_err *err);
void us_reader_close(struct us_reader *reader); /* waits for a fetch that is under way; set cancel to shorten it */
/* The next page over all listings; it lives until the next call. US_END after the last listing's end. After an error the reader gives the same
 * error again. ret_listing is the number of the listing that the page belongs to. */
enum us_errc us_reader_next(struct us_reader *reader, struct us_page *ret_page, size_t *ret_listing, struct us_err *err);
const struct us_certificate *us_reader_certificate(const struct us_reader *reader);

#endif
