/* serve: puts the parts together, runs until it is told to stop. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "cmd/libraries.h"
#include "cmd/conf.h"
#include "cmd/verbs.h"
#include "job/job.h"
#include "job/notifier.h"
#include "job/pinger.h"
#include "job/pruner.h"
#include "job/pushes.h"
#include "job/publisher.h"
#include "job/timer.h"
#include "model/sync_options.h"
#include "net/httpd.h"
#include "serve/serve.h"
#include "source/file.h"
#include "source/source.h"
#include "store/account.h"
#include "store/store.h"

enum { DRAIN_MS = 10000, MAX_WORKERS = 64, MAX_PEM_BYTES = 1 << 20 };

struct settings {
	const char *data, *listen, *store, *files, *tls_cert, *tls_key;
	int64_t workers;
	struct us_retention retention;
	enum us_log_level level;
	enum us_log_format format;
};

struct server {
	int lock_fd;
	struct us_secret_key key;
	struct us_store *store;
	struct us_notifier *notifier;
	struct us_publisher *publisher;
	struct us_pinger *pinger;
	struct us_job *job;
	struct us_timer *timer;
	struct us_pruner *pruner;
	struct us_pushes *pushes;
	struct us_api *api;
	struct us_serve *serve;
	struct us_httpd *httpd;
	struct us_str cert, tls_key;
};

/* ---- settings ---- */

static const char *const conf_keys[] = { "data", "listen", "store", "files", "workers", "tls-cert", "tls-key", "log-level", "log-format",
	"keep-runs", "keep-run-age", "keep-results", "keep-result-age", "keep-undo", NULL };

/* The command line wins over the file, the file over the default. */
static const char *setting(const struct us_cli *cli, const struct us_conf_file *file, const char *name, const char *fallback)
{
	const char *value = us_cli_flag(cli, name);

	if (!value)
		value = us_conf_file_find(file, name);
	return value ? value : fallback;
}

static bool find_word(const char *const *words, const char *word, int *ret_at)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0) {
			*ret_at = i;
			return true;
		}
	return false;
}

/* --keep-…: as the members of a connector's `retention`. */
static int read_retention(struct us_cli *cli, const struct us_conf_file *file, struct us_retention *ret)
{
	static const char *const names[][2] = { { "keep-runs", "runs" }, { "keep-run-age", "runAge" }, { "keep-results", "results" },
		{ "keep-result-age", "resultAge" }, { "keep-undo", "undo" } };

	*ret = us_retention_default;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = setting(cli, file, names[i][0], NULL);
		const char *wrong = value ? us_retention_set(ret, names[i][1], us_slice(value)) : NULL;
		if (wrong)
			return us_cli_misuse(cli, "%s '%s' %s", names[i][0], value, wrong);
	}
	return US_EXIT_OK;
}

static int read_settings(struct us_cli *cli, struct settings *ret_settings)
{
	static const char *const levels[] = { "debug", "info", "warn", "error", NULL }, *const formats[] = { "auto", "text", "json", NULL };
	const char *path = us_cli_flag(cli, "config");
	struct us_conf_file file = { 0 };
	struct us_err err = US_ERR_INIT;
	struct settings s = { 0 };
	int level, format;

	if (path && us_conf_file_load(&cli->arena, path, false, conf_keys, &file, &err) != US_OK)
		return us_cli_fail("%s", err.text);
	s.data = setting(cli, &file, "data", "usersync-data");
	s.listen = setting(cli, &file, "listen", "127.0.0.1:8080");
	s.store = setting(cli, &file, "store", NULL);
	s.files = setting(cli, &file, "files", NULL);
	s.tls_cert = setting(cli, &file, "tls-cert", NULL);
	s.tls_key = setting(cli, &file, "tls-key", NULL);
	const char *workers = setting(cli, &file, "workers", "2");
	const char *level_name = setting(cli, &file, "log-level", "info"), *format_name = setting(cli, &file, "log-format", "auto");

	if (!us_slice_to_int(us_slice(workers), &s.workers) || s.workers < 1 || s.workers > MAX_WORKERS)
		return us_cli_misuse(cli, "workers '%s' is no number from 1 to %d", workers, MAX_WORKERS);
	if (!find_word(levels, level_name, &level))
		return us_cli_misuse(cli, "'%s' is no log level; want debug, info, warn or error", level_name);
	if (!find_word(formats, format_name, &format))
		return us_cli_misuse(cli, "'%s' is no log format; want text or json", format_name);
	if (!s.tls_cert != !s.tls_key)
		return us_cli_misuse(cli, "--tls-cert and --tls-key go together");
	if (!*s.data)
		return us_cli_misuse(cli, "the data folder's name is empty");
	s.level = (enum us_log_level) level;
	s.format = (enum us_log_format) format;
	if (!s.files)
		s.files = us_arena_printf(&cli->arena, "%s/files", s.data);
	if (!s.store)
		s.store = us_arena_printf(&cli->arena, "sqlite:%s/usersync.db", s.data);
	int code = read_retention(cli, &file, &s.retention);
	*ret_settings = s;
	return code;
}

/* ---- the data folder ---- */

/* One server on a folder: the lock lives as long as the open file, so a killed server leaves none behind. */
static enum us_errc lock_folder(struct us_arena *arena, const char *data, int *ret_fd, struct us_err *err)
{
	const char *path = us_arena_printf(arena, "%s/lock", data);
	char text[32] = "";

	if (mkdir(data, 0700) != 0 && errno != EEXIST)
		return us_err_set_native(err, US_DISK, errno, "cannot make the data folder %s: %s", data, strerror(errno));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return us_err_set_native(err, US_DISK, errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int why = errno;
		ssize_t n = read(fd, text, sizeof text - 1);
		close(fd);
		text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
		if (why != EWOULDBLOCK)
			return us_err_set_native(err, US_DISK, why, "cannot lock %s: %s", path, strerror(why));
		return us_err_set(err, US_CONFLICT, "another server (process %s) uses the data folder %s: stop it, or give this one its own with --data",
			*text ? text : "unknown", data);
	}
	int n = snprintf(text, sizeof text, "%ld\n", (long) getpid());
	if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t) n) != n) {
		us_err_set_native(err, US_DISK, errno, "cannot write to %s: %s", path, strerror(errno));
		close(fd);
		return US_DISK;
	}
	*ret_fd = fd;
	return US_OK;
}

static enum us_errc read_pem(const char *path, const char *what, struct us_str *out, struct us_err *err)
{
	char buffer[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return us_err_set_native(err, US_CONFIG, errno, "cannot read the %s %s: %s", what, path, strerror(errno));
	while ((n = read(fd, buffer, sizeof buffer)) > 0 && out->n < MAX_PEM_BYTES)
		us_str_add(out, buffer, (size_t) n);
	close(fd);
	us_secret_wipe(buffer, sizeof buffer);
	if (n < 0 || !strstr(us_str_text(out), "-----BEGIN "))
		return us_err_set(err, US_CONFIG, "the %s %s is no PEM file", what, path);
	return US_OK;
}

/* ---- the first account ---- */

static enum us_errc add_admin(struct us_dbc *c, struct us_slice password, struct us_err *err)
{
	char hash[US_SECRET_HASH_BYTES];
	enum us_errc rc = us_secret_hash_password(password, hash, err);

	if (rc == US_OK)
		rc = us_db_begin(c, err);
	if (rc == US_OK)
		rc = us_account_add(c, US_SLICE("admin"), US_ROLE_ADMIN, hash, us_clock_wall_s(), err);
	if (rc == US_OK)
		rc = us_db_commit(c, err);
	else
		us_db_rollback(c);
	return rc;
}

/* A store without any account gets the user admin. Its password is printed only if nobody gave one, and only now. */
static enum us_errc make_admin(struct us_arena *arena, struct us_store *store, struct us_err *err)
{
	const char *given = getenv("USERSYNC_ADMIN_PASSWORD");
	struct us_account *list;
	struct us_dbc *c;
	size_t n = 0;
	struct us_str password = US_STR_INIT;

	enum us_errc rc = us_db_lease_writer(store->db, &c, err);
	if (rc != US_OK)
		return rc;
	rc = us_account_list(c, arena, &list, &n, err);
	if (rc == US_OK && n == 0) {
		if (given && *given)
			us_str_add_text(&password, given);
		else
			us_secret_token(&password, 15);
		rc = add_admin(c, us_str_slice(&password), err);
		if (rc == US_OK && !(given && *given)) {
			printf("First start. User: admin  Password: %s  (shown this once)\n", us_str_text(&password));
			fflush(stdout);
		}
	}
	us_db_release(c);
	us_secret_wipe_str(&password);
	unsetenv("USERSYNC_ADMIN_PASSWORD");
	return rc;
}

/* ---- who answers ---- */

/* Applications have addresses of their own; everything else is the admin's. */
static enum us_httpd_next handle(void *data, struct us_httpd_request *request, struct us_httpd_answer *answer)
{
	struct server *server = data;

	return us_serve_has(request) ? us_serve_handle(server->serve, request, answer) : us_api_handle(server->api, request, answer);
}

static enum us_errc edit(void *data, const struct us_edit_request *request, struct us_edit_result *ret_result, struct us_err *err)
{
	return us_job_edit(((struct server *) data)->job, request, ret_result, err);
}

static enum us_errc authenticate(void *data, int64_t directory, struct us_slice user, struct us_slice password,
	enum us_authentication *ret_authentication, struct us_err *err)
{
	return us_job_authenticate(((struct server *) data)->job, directory, user, password, ret_authentication, err);
}

static void note_push(void *data, int64_t connector) { us_pushes_note(((struct server *) data)->pushes, connector); }

static void refuse(void *data, struct us_httpd_request *request, int status, const char *why, struct us_httpd_answer *answer)
{
	if (!us_serve_refuse(request, status, why, answer))
		us_api_refuse(((struct server *) data)->api, status, why, answer);
}

static void done(void *data, const struct us_httpd_request *request, int status, int64_t duration_us)
{
	us_api_done(((struct server *) data)->api, request, status, duration_us);
}

/* ---- start and stop ---- */

static enum us_errc start(struct us_cli *cli, const struct settings *s, struct server *server, struct us_err *err)
{
	int64_t interrupted = 0;
	enum us_errc rc = lock_folder(&cli->arena, s->data, &server->lock_fd, err);

	/* What file connectors may read is named by whoever starts the server, not by whoever saves a connector. */
	if (rc == US_OK && mkdir(s->files, 0700) != 0 && errno != EEXIST)
		rc = us_err_set_native(err, US_DISK, errno, "cannot make the folder %s: %s", s->files, strerror(errno));
	if (rc == US_OK)
		us_file_set_folder(s->files);
	if (rc == US_OK && s->tls_cert)
		rc = read_pem(s->tls_cert, "certificate", &server->cert, err);
	if (rc == US_OK && s->tls_key)
		rc = read_pem(s->tls_key, "private key", &server->tls_key, err);
	if (rc == US_OK)
		rc = us_secret_load_key(us_arena_printf(&cli->arena, "%s/master.key", s->data), &server->key, err);
	if (rc == US_OK)
		rc = us_store_open(s->store, &server->key, us_source_types(), us_sync_options, &server->store, &interrupted, err);
	if (rc == US_OK)
		rc = make_admin(&cli->arena, server->store, err);
	if (rc != US_OK)
		return rc;
	if (interrupted)
		us_log(US_LOG_WARN, "runs were interrupted when the last server ended", "runs", US_LOG_INT(interrupted), NULL);
	rc = us_notifier_open(server->store, &server->notifier, err);
	if (rc != US_OK)
		return rc;
	rc = us_publisher_open(server->store, &server->publisher, err);
	if (rc != US_OK)
		return rc;
	rc = us_pinger_open(server->store, &server->pinger, err);
	if (rc != US_OK)
		return rc;
	struct us_job_conf job_conf = { .store = server->store, .notifier = server->notifier, .n_workers = (unsigned) s->workers };
	rc = us_job_open(&job_conf, &server->job, err);
	if (rc != US_OK)
		return rc;
	rc = us_timer_open(server->store, server->job, &server->timer, err);
	if (rc != US_OK)
		return rc;
	rc = us_pruner_open(server->store, server->job, &s->retention, &server->pruner, err);
	if (rc != US_OK)
		return rc;
	const struct us_pushes_conf pushes_conf = { .store = server->store, .job = server->job };
	rc = us_pushes_open(&pushes_conf, &server->pushes, err);
	if (rc != US_OK)
		return rc;
	struct us_api_conf api_conf = { .store = server->store, .job = server->job, .notifier = server->notifier, .timer = server->timer, .pushes = server->pushes, .pruner = server->pruner,
		.types = us_source_types(), .sync_options = us_sync_options, .libraries = us_libraries(), .labels = us_serve_labels() };
	rc = us_api_open(&api_conf, &server->api, err);
	struct us_serve_conf serve_conf = { .store = server->store, .data = server, .edit = edit, .authenticate = authenticate,
		.note_push = note_push };
	if (rc == US_OK)
		rc = us_serve_open(&serve_conf, &server->serve, err);
	if (rc != US_OK)
		return rc;
	struct us_httpd_config http = US_HTTPD_CONFIG_INIT;
	http.listen = s->listen;
	http.cert_pem = s->tls_cert ? us_str_text(&server->cert) : NULL;
	http.key_pem = s->tls_key ? us_str_text(&server->tls_key) : NULL;
	http.data = server;
	http.handle = handle;
	http.refuse = refuse;
	http.done = done;
	return us_httpd_open(&http, &server->httpd, err);
}

/* Requests first, then runs, then notices, then the store: nobody loses what it stands on. */
static void stop(struct server *server)
{
	us_notifier_stop(server->notifier);
	us_publisher_stop(server->publisher);
	us_pinger_stop(server->pinger);
	if (server->api)
		us_api_stop(server->api);
	if (server->httpd)
		us_httpd_close(server->httpd, DRAIN_MS);
	if (server->job)
		us_job_stop_asking(server->job);
	if (server->serve)
		us_serve_close(server->serve);
	if (server->api)
		us_api_close(server->api);
	if (server->pushes)
		us_pushes_close(server->pushes);
	if (server->pruner)
		us_pruner_close(server->pruner);
	if (server->timer)
		us_timer_close(server->timer);
	if (server->job)
		us_job_close(server->job);
	if (server->notifier)
		us_notifier_close(server->notifier);
	us_publisher_close(server->publisher);
	us_pinger_close(server->pinger);
	if (server->store)
		us_store_close(server->store);
	us_str_fini(&server->cert);
	us_secret_wipe_str(&server->tls_key);
	us_secret_wipe(&server->key, sizeof server->key);
	if (server->lock_fd >= 0)
		close(server->lock_fd);
}

static void announce(const struct settings *s, const struct server *server)
{
	struct us_str url = US_STR_INIT;
	const char *colon = strrchr(s->listen, ':');
	int host = colon ? (int) (colon - s->listen) : (int) strlen(s->listen);

	us_str_printf(&url, "%s://%.*s:%d", s->tls_cert ? "https" : "http", host, s->listen, us_httpd_port(server->httpd));
	printf("usersync %s listens on %s\n", USERSYNC_VERSION, us_str_text(&url));
	fflush(stdout);
	us_log(US_LOG_INFO, "server started", "version", USERSYNC_VERSION, "url", us_str_text(&url), "data", s->data, NULL);
	us_str_fini(&url);
}

/* Tables of large directories grow by moving their pages instead of being copied, and go back to the system when a run ends. Left to itself
 * the library raises its threshold to 32 MB, keeps such blocks, and every run leaves the server larger. */
static void bound_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 2 << 20);
	mallopt(M_TRIM_THRESHOLD, 2 << 20);
	mallopt(M_ARENA_MAX, 2);
}

int us_serve_run(struct us_cli *cli)
{
	struct settings s = { 0 };
	struct server server = { .lock_fd = -1 };
	struct us_err err = US_ERR_INIT;
	sigset_t signals;
	int number = 0;
	int code = read_settings(cli, &s);

	if (code != US_EXIT_OK)
		return code;
	us_log_init(s.level, s.format);
	bound_heap();
	umask(077);
	/* Blocked before any thread is there, so that every thread inherits it and only sigwait sees them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (us_secret_init(&err) != US_OK || start(cli, &s, &server, &err) != US_OK) {
		us_cli_fail("cannot start: %s", err.text);
		stop(&server);
		return US_EXIT_FAILED;
	}
	announce(&s, &server);
	sigwait(&signals, &number);
	us_log(US_LOG_INFO, "server stops", "signal", number == SIGINT ? "INT" : "TERM", NULL);
	/* A second signal ends it at once. */
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	stop(&server);
	us_log(US_LOG_INFO, "server stopped", NULL);
	return US_EXIT_OK;
}
