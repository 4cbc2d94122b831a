// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/line_plot.hpp>

#include "folder.hpp"
#include "xml.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The points of the curves, from the attributes `d` of their paths.
std::vector<std::vector<detail::Point>> curves(const XmlReader& reader) {
  std::vector<std::vector<detail::Point>> all;
  for (const XmlElement& element : reader.elements) {
    if (element.tag != "path" || !element.attributes.at("class").starts_with("k-line")) continue;
    const std::string& d = element.attributes.at("d");
    for (std::size_t at = 0; at < d.size();) {
      if (d[at] == 'M') all.emplace_back();
      std::size_t length = 0;
      const double x = std::stod(d.substr(at + 1), &length);
      at += 1 + length;
      const double y = std::stod(d.substr(at), &length);
      at += length;
      all.back().push_back({x, y});
    }
  }
  return all;
}

XmlReader read(const LinePlot& plot) { return XmlReader(plot.svg()); }

}  // namespace

TEST_CASE("a line plot shows title, labels, legend and a curve for each series") {
  LinePlot plot{.title = "Loss & <more>", .x_label = "batch", .y_label = "loss (nats)"};
  plot.add("train", {3, 2, 1}).add("valid", {0, 2}, {2.5, 1.5}).add("", {1, 1, 1});
  const XmlReader reader = read(plot);
  for (const char* text : {"Loss & <more>", "batch", "loss (nats)", "train", "valid", "0", "1", "2"})
    CHECK(reader.has_text(text));
  CHECK(reader.count("path", "k-l0") == 2);  // in the legend and the curve
  CHECK(reader.count("path", "k-l2") == 1);
  CHECK(reader.elements[0].attributes.at("aria-label") == "Loss & <more>");
}

TEST_CASE("a curve goes through its points") {
  LinePlot plot;
  plot.add("", {0, 10, 20}, {0, 5, 20});
  const auto lines = curves(read(plot));
  REQUIRE(lines.size() == 1);
  REQUIRE(lines[0].size() == 3);
  const auto& [a, b, c] = *reinterpret_cast<const detail::Point(*)[3]>(lines[0].data());
  CHECK(b.x - a.x == doctest::Approx(c.x - b.x).epsilon(0.001));
  CHECK((a.y - b.y) * 3 == doctest::Approx(b.y - c.y).epsilon(0.001));
  CHECK(c.y < b.y);  // upwards
}

TEST_CASE("on log axes equal ratios are equal distances, and what is not above 0 is a gap") {
  LinePlot plot{.log_x = true, .log_y = true};
  plot.add("", {1, 10, 100, 1000, 2000, 2000}, {1e-2, 1e-4, 1e-6, 0, 1, 1});
  const auto lines = curves(read(plot));
  REQUIRE(lines.size() == 2);
  REQUIRE(lines[0].size() == 3);
  CHECK(lines[0][1].x - lines[0][0].x == doctest::Approx(lines[0][2].x - lines[0][1].x).epsilon(0.001));
  CHECK(lines[0][1].y - lines[0][0].y == doctest::Approx(lines[0][2].y - lines[0][1].y).epsilon(0.001));
}

TEST_CASE("NaN and infinity are gaps, a point between gaps is a dot") {
  LinePlot plot;
  plot.add("", {1, 2, none, 3, infinity, 2, 1, 2, -infinity});
  const XmlReader reader = read(plot);
  const auto lines = curves(reader);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].size() == 2);
  CHECK(lines[1].size() == 3);
  CHECK(reader.count("circle") == 6);

  std::vector<double> many(50, 1.0);
  many[1] = many[3] = none;
  CHECK(read(LinePlot{}.add("", many)).count("circle") == 2);
}

TEST_CASE("no data, one point, constants and extreme values give a picture") {
  CHECK(read({}).has_text("no data"));
  CHECK(read(LinePlot{}.add("a", std::vector<double>{})).has_text("no data"));
  CHECK(read(LinePlot{}.add("a", {none, infinity})).has_text("no data"));
  CHECK(read(LinePlot{.log_y = true}.add("a", {-1, 0})).has_text("no data"));
  CHECK(read(LinePlot{}.add("a", {5})).count("circle") == 1);
  const double largest = std::numeric_limits<double>::max();
  for (bool log : {false, true})
    for (const std::vector<double>& y : {std::vector<double>{7, 7, 7},
                                         {0, 0},
                                         {largest, -largest, largest},
                                         {1e-320, 2e-320},
                                         {1e-300, 1e300, 1},
                                         {1, 1 + 1e-15},
                                         {-3, -3}}) {
      const XmlReader reader = read(LinePlot{.log_x = log, .log_y = log}.add("a", y, y));
      for (const auto& line : curves(reader))
        for (const auto& point : line) {
          CHECK(point.x >= 0);
          CHECK(point.x <= 640);
          CHECK(point.y >= 0);
          CHECK(point.y <= 400);
        }
    }
}

TEST_CASE("a long series gives a small file that keeps every peak") {
  std::vector<double> y(1'000'000);
  unsigned state = 1;
  for (double& value : y) value = static_cast<double>((state = state * 1664525u + 1013904223u) >> 8) / (1 << 24);
  y[345'678] = 50;
  y[777'777] = -50;
  LinePlot plot;
  plot.add("", y);
  const std::string svg = plot.svg();
  CHECK(svg.size() < 100'000);
  const auto lines = curves(XmlReader(svg));
  REQUIRE(lines.size() == 1);
  double top = 1000, bottom = 0, bottom_x = 0, top_x = 0;
  for (const auto& point : lines[0]) {
    if (point.y < top) top = point.y, top_x = point.x;
    if (point.y > bottom) bottom = point.y, bottom_x = point.x;
  }
  const double left = lines[0].front().x, width = lines[0].back().x - left;
  CHECK((top_x - left) / width == doctest::Approx(0.345678).epsilon(0.001));
  CHECK((bottom_x - left) / width == doctest::Approx(0.777777).epsilon(0.001));
  CHECK(bottom - top > 250);

  std::vector<double> zigzag(y);  // x goes back and forth
  CHECK(LinePlot{}.add("", zigzag, y).svg().size() < 150'000);
  std::vector<double> gaps(y);
  for (std::size_t i = 0; i < gaps.size(); i += 2) gaps[i] = none;
  CHECK(LinePlot{}.add("", gaps).svg().size() < 100'000);
}

TEST_CASE("a long series keeps a gap that is wider than a pixel") {
  std::vector<double> y(100'000, 1.0);
  std::fill(y.begin() + 40'000, y.begin() + 50'000, none);
  y[10] = none;  // far narrower
  const auto lines = curves(read(LinePlot{}.add("", y)));
  REQUIRE(lines.size() == 2);
  const double width = lines[1].back().x - lines[0].front().x;
  CHECK((lines[1].front().x - lines[0].back().x) / width == doctest::Approx(0.1).epsilon(0.03));
}

TEST_CASE("bounds cut what is outside and leave the scale to what is inside") {
  LinePlot plot{.x_low = 1, .x_high = 3, .y_high = 10};
  plot.add("", {100, 1, 2, 3, 200});
  const XmlReader reader = read(plot);
  CHECK(reader.has_text("10"));
  CHECK_FALSE(reader.has_text("100"));
  CHECK(reader.count("svg") == 2);  // the inner one clips
  CHECK_THROWS_WITH_AS((LinePlot{.y_low = 2, .y_high = 1}.svg()),
                       "axis: the low bound must be below the high one: got 2 and 1", UsageError);
}

TEST_CASE("the texts of markers do not cover each other, the curve or the border") {
  std::vector<double> x, y;
  for (int i = 0; i < 100; ++i) {
    x.push_back(i);
    y.push_back(std::exp(-i / 15.0) + (i > 80 ? (i - 80) * 0.05 : 0));
  }
  std::vector<detail::Label> labels;
  std::vector<detail::Point> curve;
  for (std::size_t i = 0; i < 100; ++i) curve.push_back({40 + x[i] * 5, 300 - y[i] * 250});
  for (std::size_t i : {60u, 62u, 64u, 99u, 0u}) labels.push_back({concat("suggestion ", i), curve[i], {}});
  const detail::Box area{40, 10, 495, 300};
  detail::place_labels(labels, curve, area);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const detail::Box& box = labels[i].box;
    CHECK(box.x >= area.x);
    CHECK(box.right() <= area.right());
    CHECK(box.y >= area.y);
    CHECK(box.bottom() <= area.bottom());
    for (std::size_t j = 0; j < i; ++j) CHECK(detail::overlap(box, labels[j].box) == 0);
    for (std::size_t k = 1; k < curve.size(); ++k) CHECK_FALSE(detail::crosses(box, curve[k - 1], curve[k]));
  }

  LinePlot plot;
  plot.add("", x, y).mark("here <", 60, y[60]).mark("", 20, y[20]);
  const XmlReader reader = read(plot);
  CHECK(reader.has_text("here <"));
  CHECK(reader.count("circle", "k-point") == 2);
  CHECK_THROWS_WITH_AS(plot.mark("x", none, 1), "LinePlot.mark: a marker must be at a finite point: got (nan, 1)",
                       UsageError);
}

TEST_CASE("low plots have two y ticks where they can, and labels that do not touch") {
  const auto rows = [](double height, double scale) {
    std::vector<double> ys;
    LinePlot plot{.title = "t", .x_label = "x", .width = 200, .height = height};
    for (const XmlElement& element : read(plot.add("a", {1 * scale, 3 * scale, 2 * scale})).elements)
      if (element.tag == "text" && element.attributes.at("class") == "k-text k-end")
        ys.push_back(std::stod(element.attributes.at("y")));
    return ys;
  };
  for (double scale : {1e-9, 1.0, 3.7, 1e4}) {
    CHECK(rows(200, scale).size() >= 2);
    for (double height : {80.0, 120.0, 150.0, 400.0}) {
      const auto ys = rows(height, scale);
      for (std::size_t i = 1; i < ys.size(); ++i) CHECK(ys[i - 1] - ys[i] >= 15);
    }
  }
}

TEST_CASE("a legend that does not fit says how much it leaves out") {
  LinePlot plot;
  for (int i = 0; i < 200; ++i) plot.add(concat("series number ", i), {1.0, 2.0 + i});
  const XmlReader reader = read(plot);
  const auto texts = reader.texts();
  const auto more =
      std::find_if(texts.begin(), texts.end(), [](const std::string& text) { return text.ends_with(" more"); });
  REQUIRE(more != texts.end());
  const auto shown = std::count_if(texts.begin(), texts.end(),
                                   [](const std::string& text) { return text.starts_with("series number"); });
  CHECK(*more == concat("and ", 200 - shown, " more"));
  CHECK(shown > 10);
}

TEST_CASE("a function of progress is drawn over 0 to 1") {
  Folder folder;
  plot([](double progress) { return 1 - progress; }, folder / "schedule.svg", "Linear");
  const XmlReader reader(folder.read("schedule.svg"));
  CHECK(reader.has_text("Linear"));
  CHECK(reader.has_text("progress"));
  LinePlot several{.x_label = "progress"};
  several.add("constant", [](double) { return 0.5; }).add("step", [](double p) { return p < 0.5f ? 1.f : 0.1f; });
  CHECK(several.series[0].x.front() == 0);
  CHECK(several.series[0].x.back() == 1);
  CHECK(several.series[1].y.back() == doctest::Approx(0.1));
}

TEST_CASE("numbers come as any range") {
  const std::vector<float> floats = {1, 2};
  const int ints[] = {1, 2, 3};
  LinePlot plot;
  plot.add("", floats).add("", std::span<const int>(ints)).add("", std::vector<double>{1, 2});
  CHECK(plot.series[1].y == std::vector<double>{1, 2, 3});
  CHECK(plot.series[0].x == std::vector<double>{0, 1});
  CHECK_THROWS_WITH_AS(plot.add("a", {1, 2}, {1, 2, 3}),
                       "LinePlot.add: there must be as many x as y for 'a': got 2 x and 3 y", UsageError);
}

TEST_CASE("saving says what is wrong with the path or the size") {
  Folder folder;
  LinePlot plot{.title = "t"};
  plot.save(folder / "a.svg");
  CHECK(folder.read("a.svg") == plot.svg());
  const std::string png = folder / "a.png", bare = folder / "a", deep = folder / "missing/a.svg";
  CHECK_THROWS_WITH_AS(plot.save(png),
                       concat("save: ", png,
                              ": the name of this picture must end in .svg: only image grids and heat maps "
                              "can be written as .png")
                           .c_str(),
                       UsageError);
  CHECK_THROWS_WITH_AS(plot.save(bare), concat("save: ", bare, ": the name of this picture must end in .svg").c_str(),
                       UsageError);
  CHECK_THROWS_WITH_AS(
      plot.save(deep),
      concat("save: ", deep, ": its folder must exist: there is no folder ", folder / "missing").c_str(), DataError);
  for (double size : {0.0, -5.0, 1e9, none})
    CHECK_THROWS_WITH_AS(
        LinePlot{.width = size}.svg(),
        concat("LinePlot: width and height must be between 80 and 20000 pixels: got ", size, " x ", 400.0).c_str(),
        UsageError);
  CHECK_NOTHROW(LinePlot{.title = "small", .x_label = "x", .y_label = "y", .width = 80, .height = 80}.svg());
}

TEST_SUITE_END();
