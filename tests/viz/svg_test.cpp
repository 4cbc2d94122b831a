// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/svg.hpp>

#include <doctest/doctest.h>

#include <clocale>

#include "xml.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;
using namespace kiln::detail;

namespace {

std::string coordinate(double number) {
  std::string text;
  append_coordinate(text, number);
  return text;
}

}  // namespace

TEST_CASE("text is escaped for elements and attributes") {
  CHECK(xml_text("a < b & c > \"d\" 'e'") == "a &lt; b &amp; c &gt; &quot;d&quot; &#39;e&#39;");
  CHECK(xml_text("größer → 数 😀") == "größer → 数 😀");
  CHECK(xml_text("two\nlines\tand\rmore") == "two lines and more");
}

TEST_CASE("what XML forbids and what is not UTF-8 becomes a replacement character") {
  const std::string replaced = "\xef\xbf\xbd";
  CHECK(xml_text(std::string("a\0b\x01\x1f", 5)) == "a" + replaced + "b" + replaced + replaced);
  CHECK(xml_text("\x7f\xc2\x85") == replaced + replaced);              // DEL, and the control character U+0085
  CHECK(xml_text("\xef\xbf\xbe\xef\xbf\xbf") == replaced + replaced);  // U+FFFE, U+FFFF
  CHECK(xml_text("\xff"
                 "a\x80") == replaced + "a" + replaced);
  CHECK(xml_text("\xc0\xaf") == replaced + replaced);  // an overlong /
  CHECK(xml_text("\xe0\x80\xaf") == replaced + replaced + replaced);
  CHECK(xml_text("\xed\xa0\x80") == replaced + replaced + replaced);                 // half of a surrogate pair
  CHECK(xml_text("\xf4\x90\x80\x80") == replaced + replaced + replaced + replaced);  // above U+10FFFF
  CHECK(xml_text("x\xe2\x82") == "x" + replaced + replaced);                         // cut off
}

TEST_CASE("coordinates are short") {
  CHECK(coordinate(0) == "0");
  CHECK(coordinate(12) == "12");
  CHECK(coordinate(12.5) == "12.5");
  CHECK(coordinate(-0.25) == "-0.25");
  CHECK(coordinate(3.14159) == "3.14");
  CHECK(coordinate(2.999) == "3");
  CHECK(coordinate(100.07) == "100.07");
  CHECK(coordinate(-0.001) == "0");
  CHECK(coordinate(1e300) == "10000000");
  CHECK(coordinate(std::nan("")) == "0");
  CHECK(path_of({{1, 2}, {3.5, -4}}) == "M1 2L3.5 -4");
}

TEST_CASE("elements nest, and user text cannot leave them") {
  Drawing drawing;
  drawing.open("g", {{"class", "a\"b<c>"}});
  drawing.element("text", {{"x", 1}, {"y", 2.5}}, "</text><script>alert('&')</script>");
  drawing.element("rect", {{"width", 3}});
  drawing.close("g");
  CHECK(drawing.body() ==
        "<g class=\"a&quot;b&lt;c&gt;\">\n"
        "<text x=\"1\" y=\"2.5\">&lt;/text&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</text>\n"
        "<rect width=\"3\"/>\n</g>\n");
  const XmlReader reader(drawing.body());
  CHECK(reader.elements.size() == 3);
  CHECK(reader.has_text("</text><script>alert('&')</script>"));
}

TEST_CASE("the reader of these tests finds what is wrong") {
  for (const char* wrong : {"<a><b></a></b>", "<a", "<a>&</a>", "<a>&nbsp;</a>", "<a b=\"<\"/>", "<a x=\"1\" x=\"2\"/>",
                            "<a/><b/>", "<a>\x01</a>", "<a>\xff</a>", "<a>></a>"})
    CHECK_THROWS_AS(XmlReader{wrong}, std::runtime_error);
  CHECK_NOTHROW(XmlReader{"<a b=\"&lt;\"><c/>text</a>\n"});
}

TEST_CASE("a text that is too wide is cut between characters") {
  CHECK(fit_text("short", 12, 100) == "short");
  const std::string cut = fit_text("äöüäöüäöüäöüäöü", 12, 60);
  CHECK(cut.ends_with("…"));
  CHECK(text_width(cut, 12) <= 60);
  CHECK(xml_text(cut) == cut);
  CHECK(fit_text("anything", 12, 0) == "…");
}

TEST_SUITE_END();
