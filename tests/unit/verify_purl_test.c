/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/purl.h"

#include "base/cleanup.h"
#include "test.h"

TEST(verify_purl)
{
	const struct encl_purl_qualifier q[] = {
		{"arch", "amd64"}, {"checksum", NULL}, {"distro", "debian-12"}};
	encl_auto(encl_free) char *deb =
		encl_purl("deb", "debian", "busybox", "1:1.35.0-4+b1~x", q, 3);
	encl_auto(encl_free) char *plain = encl_purl("generic", NULL, "a", NULL, NULL, 0);
	encl_auto(encl_free) char *hostile =
		encl_purl("deb", "a/b", "x?y#z", "1@2%\n\xff\"",
			  (struct encl_purl_qualifier[]){{"arch", "a/b c"}}, 1);
	encl_auto(encl_free) char *empty = encl_url_escape("");

	EQ_STR("pkg:deb/debian/busybox@1:1.35.0-4%2Bb1~x?arch=amd64&distro=debian-12",
	       deb);
	EQ_STR("pkg:generic/a", plain);
	EQ_STR("pkg:deb/a%2Fb/x%3Fy%23z@1%402%25%0A%5Cxff%22?arch=a/b%20c", hostile);
	EQ_STR("", empty);
}

TEST(verify_purl_plain_urls)
{
	static const struct {
		const char *text;
		bool plain;
	} cases[] = {{"https://www.gnu.org/software/libc/libc.html", true},
		     {"http://busybox.net", true},
		     {"https://a-b.c1.test/x?y=1&z", true},
		     {"https://gnu.org:80/", false},
		     {"https://localhost/", false},
		     {"https://1.2.3.4/", false},
		     {"https://a..org/", false},
		     {"https://-a.org/", false},
		     {"https://a-.org/", false},
		     {"https://a.verylong/", false},
		     {"https://a.org/ x", false},
		     {"https://a.org/\"x", false},
		     {"https://a.org/\n", false},
		     {"javascript:alert(1)//a.org", false},
		     {"ftp://a.org/", false},
		     {"", false}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (encl_url_is_plain(cases[i].text) != cases[i].plain)
			test_fail(__FILE__, __LINE__, "%s", cases[i].text);
}
