/* Headers, error pages, tokens and URLs that a server sends: any bytes give an answer that keeps its promises. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/http_fail.h"
#include "net/retry.h"
#include "net/token.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str out = US_STR_INIT, back = US_STR_INIT;
	struct us_slice text = { (const char *) data, size };
	char *word = malloc(size + 1);
	int64_t wait_ms;

	memcpy(word, data, size);
	word[size] = '\0';
	if (us_retry_parse_after(text, 784111777, &wait_ms))
		us_assert(wait_ms >= 0 && wait_ms <= 86400000);
	struct us_slice claims = us_token_decode_claims(text, &arena);
	us_assert(claims.n <= size);
	us_http_add_reason(&out, us_slice("application/json"), text);
	us_http_add_reason(&out, us_slice("text/html"), text);
	us_assert(us_slice_is_utf8(us_str_slice(&out)));
	us_str_clear(&out);
	us_http_is_json_type(text);
	if (us_url_resolve(&out, "https://h/a/b", word))
		us_assert(strncmp(us_str_text(&out), "http", 4) == 0);
	us_str_clear(&out);
	us_url_escape(&out, text);
	for (size_t i = 0; i < out.n; i++)
		us_assert(out.p[i] > ' ' && out.p[i] < 127 && out.p[i] != '&' && out.p[i] != '/');
	us_str_add_text(&back, "https://h");
	us_url_add_segment(&back, text);
	us_assert(us_url_is_same_origin("https://h/", us_str_text(&back)));
	us_str_fini(&out);
	us_str_fini(&back);
	us_arena_fini(&arena);
	free(word);
	return 0;
}
