#include "model/notice_options.h"

#include "base/secret.h"

#define SECRET_PREFIX "whsec_"
enum {
	KEY_LEAST = 24,
	KEY_MOST = 64,
	KEY_FRESH = 32,
	ADDRESS_MOST = 254,
	RECIPIENTS_MOST = 50,
	UUID_CHARACTERS = 36
};

#define CA_HELP "PEM certificates to trust besides the system's."
#define TIMEOUT(seconds)                                                                                     \
	{                                                                                                        \
		"timeoutSeconds", US_OPTION_INT, "Time-out", "Seconds that one try may take.", .fallback = seconds,  \
																					   .min = 1, .max = 120  \
	}

static const struct us_option webhook_options[] = {
	{ "url", US_OPTION_URL, "URL", "Where the notices are posted to, without a query.",
		.choices = "https|http", .required = true },
	{ "query", US_OPTION_STRING, "Query",
		"What follows the URL after a ?, for receivers that want a token there; percent-encoded.",
		.secret = true },
	{ "secret", US_OPTION_STRING, "Signing secret",
		"whsec_ and 24 to 64 bytes in base64. One is made if none is given for a new target, and shown in "
		"that answer alone.",
		.secret = true },
	{ "previousSecret", US_OPTION_STRING, "Previous signing secret",
		"Signs too while the receivers change over to the new one.", .secret = true },
	{ "caCertificate", US_OPTION_TEXT, "CA certificate", CA_HELP },
	TIMEOUT("20"),
	{ NULL },
};

static const struct us_option mail_options[] = {
	{ "server", US_OPTION_STRING, "Mail server", "Host name or address of the server that takes the mail.",
		.required = true, .max = 255 },
	{ "port", US_OPTION_INT, "Port", "587 for submission, 465 with tls, 25 between servers.",
		.fallback = "587", .min = 1, .max = 65535 },
	{ "security", US_OPTION_CHOICE, "Security",
		"starttls: the server must offer it; tls: from the first byte; none: in the clear, for a relay on "
		"the same machine.",
		.choices = "starttls|tls|none", .fallback = "starttls" },
	{ "user", US_OPTION_STRING, "User", "Login at the mail server; none if it is not set.", .max = 255 },
	{ "password", US_OPTION_STRING, "Password", "Never sent in the clear: it needs starttls or tls.",
		.secret = true },
	{ "from", US_OPTION_STRING, "From", "The sender's address.", .required = true, .max = ADDRESS_MOST },
	{ "to", US_OPTION_STRINGS, "To", "Addresses that get the mail.", .required = true },
	{ "caCertificate", US_OPTION_TEXT, "CA certificate", CA_HELP },
	TIMEOUT("30"),
	{ NULL },
};

const struct us_type us_notice_kinds[] = {
	{ "webhook", "Webhook", "Signed JSON by HTTP POST, as in the Standard Webhooks specification.",
		webhook_options, NULL },
	{ "mail", "E-mail", "Plain text by SMTP.", mail_options, NULL },
	{ NULL },
};

const struct us_option us_notice_options[] = {
	{ "events", US_OPTION_STRINGS, "Events",
		"Only these: sync.failed, sync.held, sync.recovered, sync.overdue, secret.expiring; all if not "
		"set." },
	{ "connectors", US_OPTION_STRINGS, "Connectors", "Only those with these uniqueIds; all if not set." },
	{ "quietMinutes", US_OPTION_INT, "Quiet minutes",
		"The same event of the same connector is not told again before so many minutes; the next notice says "
		"how many were left out.",
		.fallback = "60", .min = 0, .max = 10080 },
	{ "perHour", US_OPTION_INT, "Notices an hour",
		"At most so many within an hour, over all events and connectors.", .fallback = "60", .min = 1,
		.max = 10000 },
	{ "tries", US_OPTION_INT, "Tries",
		"A delivery that failed so many times is dead; 20 take about two days.", .fallback = "20", .min = 1,
		.max = 100 },
	{ "retrySeconds", US_OPTION_INT, "First wait",
		"Seconds before the second try; each wait after it is twice as long, at most 6 hours.",
		.fallback = "10", .min = 1, .max = 3600 },
	{ NULL },
};

/* ---- single values ---- */

bool us_notice_is_address(struct us_slice text)
{
	const char *at = text.p && text.n ? memrchr(text.p, '@', text.n) : NULL;

	if (!at || at == text.p || at == text.p + text.n - 1 || text.n > ADDRESS_MOST ||
		memchr(text.p, '@', (size_t)(at - text.p)))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c <= ' ' || c >= 0x7F || strchr("<>()[]\\,;:\"", c))
			return false;
	}
	return true;
}

bool us_notice_read_key(struct us_slice secret, struct us_str *out)
{
	size_t head = strlen(SECRET_PREFIX), before = out->n;

	if (secret.n <= head || memcmp(secret.p, SECRET_PREFIX, head) != 0 ||
		!us_secret_read_base64((struct us_slice) { secret.p + head, secret.n - head }, out))
		return false;
	size_t n = out->n - before;
	return n >= KEY_LEAST && n <= KEY_MOST;
}

void us_notice_make_secret(struct us_str *out)
{
	char key[KEY_FRESH];

	us_secret_random(key, sizeof key);
	us_str_add_text(out, SECRET_PREFIX);
	us_secret_add_base64(out, (struct us_slice) { key, sizeof key });
	us_secret_wipe(key, sizeof key);
}

/* ---- checking ---- */

/* A STRINGS value as it may be given: one string, or an array of them. Anything else was complained about by
 * the schema. */
static size_t strings_of(const struct us_json *value, const struct us_json **ret_first)
{
	if (!value || (value->type != US_JSON_STRING && value->type != US_JSON_ARRAY))
		return 0;
	*ret_first = value->type == US_JSON_STRING ? value : value->array.items;
	return value->type == US_JSON_STRING ? 1 : value->array.n;
}

/* Visible ASCII without some characters. */
static bool is_plain(struct us_slice text, const char *refused)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] <= ' ' || (unsigned char)text.p[i] >= 0x7F || strchr(refused, text.p[i]))
			return false;
	return true;
}

static void check_url(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	struct us_slice url = us_json_string(configuration, "url");

	if (!url.p || !memmem(url.p, url.n, "://", 3))
		return;
	if (memchr(url.p, '#', url.n) || memchr(url.p, '?', url.n))
		us_problem_add(arena, list, "url",
			"must end before ? and #; what follows a ? goes into query, which is kept secret");
	if (!is_plain(url, ""))
		us_problem_add(
			arena, list, "url", "must be in ASCII: names in their xn-- form, the rest percent-encoded");
	if (!is_plain(us_json_string(configuration, "query"), "#"))
		us_problem_add(arena, list, "query", "must be in ASCII, percent-encoded, without #");
}

static void check_secret(
	struct us_arena *arena, const struct us_json *configuration, const char *field, struct us_problem **list)
{
	struct us_slice secret = us_json_string(configuration, field);
	struct us_str key = US_STR_INIT;

	if (secret.n && !us_slice_is(secret, US_OPTION_HIDDEN) && !us_notice_read_key(secret, &key))
		us_problem_add(arena, list, field, "must be " SECRET_PREFIX " and %d to %d bytes in base64",
			KEY_LEAST, KEY_MOST);
	us_secret_wipe_str(&key);
}

static void check_mail(struct us_arena *arena, const struct us_json *configuration, struct us_problem **list)
{
	struct us_slice server = us_json_string(configuration, "server"),
					from = us_json_string(configuration, "from");
	const struct us_json *to = NULL;
	size_t n = strings_of(us_json_find(configuration, "to"), &to);

	if (!is_plain(server, "/@?#\\%"))
		us_problem_add(arena, list, "server", "must be a host name or address alone");
	if (from.n && !us_notice_is_address(from))
		us_problem_add(arena, list, "from",
			"must be an address such as usersync@example.org, in ASCII and without a name");
	if (n > RECIPIENTS_MOST)
		us_problem_add(arena, list, "to", "holds more than %d addresses", RECIPIENTS_MOST);
	for (size_t i = 0; i < n; i++)
		if (to[i].type == US_JSON_STRING && !us_notice_is_address(to[i].string)) {
			us_problem_add(arena, list, "to",
				"must hold addresses such as admin@example.org, in ASCII and without names");
			break;
		}
	if (us_json_string(configuration, "password").n &&
		us_slice_is(us_json_string(configuration, "security"), "none"))
		us_problem_add(arena, list, "security", "must be starttls or tls when there is a password");
	if (us_json_string(configuration, "password").n && !us_json_string(configuration, "user").n)
		us_problem_add(arena, list, "user", "is required with a password");
}

static bool is_uuid(struct us_slice s)
{
	if (s.n != UUID_CHARACTERS)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s.p[i] != '-'
													: !s.p[i] || !strchr("0123456789abcdef", s.p[i]))
			return false;
	return true;
}

void us_notice_target_check(struct us_arena *arena, struct us_slice kind, const struct us_json *configuration,
	struct us_problem **list)
{
	const struct us_json *values = NULL;
	enum us_notice_event event;
	size_t n = strings_of(us_json_find(configuration, "events"), &values);

	for (size_t i = 0; i < n; i++)
		if (values[i].type == US_JSON_STRING &&
			(!us_notice_event_parse(values[i].string, &event) || event == US_NOTICE_TEST)) {
			us_problem_add(arena, list, "events",
				"must hold only sync.failed, sync.held, sync.recovered, sync.overdue, secret.expiring");
			break;
		}
	n = strings_of(us_json_find(configuration, "connectors"), &values);
	for (size_t i = 0; i < n; i++)
		if (values[i].type == US_JSON_STRING && !is_uuid(values[i].string)) {
			us_problem_add(arena, list, "connectors", "must hold uniqueIds of connectors, in lower case");
			break;
		}
	if (us_slice_is(kind, "webhook")) {
		check_url(arena, configuration, list);
		check_secret(arena, configuration, "secret", list);
		check_secret(arena, configuration, "previousSecret", list);
	} else if (us_slice_is(kind, "mail")) {
		check_mail(arena, configuration, list);
	}
}

/* ---- reading ---- */

void us_notice_limits_read(const struct us_json *configuration, struct us_notice_limits *ret_limits)
{
	const struct us_conf conf = { us_notice_options, configuration };

	*ret_limits = (struct us_notice_limits) { .quiet_s = us_conf_int(&conf, "quietMinutes") * 60,
		.per_hour = us_conf_int(&conf, "perHour"),
		.tries = us_conf_int(&conf, "tries"),
		.retry_ms = us_conf_int(&conf, "retrySeconds") * 1000 };
}

/* No list, or an empty one: all. */
static bool is_in(const struct us_json *list, struct us_slice value)
{
	const struct us_json *values = NULL;
	size_t n = strings_of(list, &values);

	for (size_t i = 0; i < n; i++)
		if (values[i].type == US_JSON_STRING && us_slice_is_equal(values[i].string, value))
			return true;
	return n == 0;
}

bool us_notice_is_wanted(
	const struct us_json *configuration, enum us_notice_event event, struct us_slice connector_uuid)
{
	return is_in(us_json_find(configuration, "events"), us_slice(us_notice_event_text(event))) &&
		   is_in(us_json_find(configuration, "connectors"), connector_uuid);
}
