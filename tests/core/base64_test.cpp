// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/base64.hpp>

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

TEST_SUITE_BEGIN("core");

TEST_CASE("base64 gives the test vectors of RFC 4648, section 10") {
  const auto base64 = [](std::string_view text) {
    return kiln::detail::base64(std::vector<unsigned char>(text.begin(), text.end()));
  };
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfb") == "//77");
}

TEST_SUITE_END();
