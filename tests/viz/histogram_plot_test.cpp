// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/histogram_plot.hpp>

#include "folder.hpp"
#include "xml.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::string bins_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const detail::Bins bins = detail::choose_bins(values);
  return concat(bins.count, " of ", bins.width, " from ", bins.low);
}

/// The heights of the bins as shares of the highest, read from the outline of a curve.
std::vector<double> heights(const XmlReader& reader, const std::string& of_class) {
  for (const XmlElement& element : reader.elements) {
    if (element.tag != "path" || element.attributes.at("class") != of_class) continue;
    std::vector<double> ys;
    const std::string& d = element.attributes.at("d");
    for (std::size_t i = 0; i < d.size(); ++i)
      if (d[i] == ' ') ys.push_back(std::stod(d.substr(i)));
    std::vector<double> result;
    const double bottom = ys.front(), top = *std::min_element(ys.begin(), ys.end());
    for (std::size_t i = 1; i + 1 < ys.size(); i += 2) result.push_back((bottom - ys[i]) / (bottom - top));
    return result;
  }
  return {};
}

}  // namespace

TEST_CASE("bins have round borders") {
  std::vector<double> even;
  for (int i = 0; i <= 1000; ++i) even.push_back(i / 1000.0);
  CHECK(bins_of(even) == "10 of 0.1 from 0");  // advised: 2 * .5 / 10 = .1
  CHECK(bins_of({1, 2, 2, 5}) == "5 of 1 from 0.5");
  CHECK(bins_of({7}) == "1 of 1 from 6.5");
  CHECK(bins_of({0.5, 0.5}) == "1 of 0.1 from 0.45");
  std::vector<double> outlier(10, 1000.5);
  outlier[0] = 0.5;
  CHECK(bins_of(outlier) == "101 of 10 from 0");  // the quartiles are equal, so the span decides
}

TEST_CASE("bins cover any range") {
  for (const std::vector<double>& values :
       {std::vector<double>{-1e300, 1e300}, {0, 1e-300}, {1e300, 1e300}, {0.1, 1e15}, {-1e-9, 1e-9}, {0, 60}}) {
    const detail::Bins bins = detail::choose_bins(values);
    CHECK(bins.count >= 1);
    CHECK(bins.count <= 101);
    CHECK(bins.low <= values[0] + 1e-12 * std::abs(values[0]));
    CHECK(bins.low + bins.width * static_cast<double>(bins.count) >= values[1] * (1 - 1e-12));
  }
}

TEST_CASE("a histogram counts values in their bins") {
  HistogramPlot plot{.title = "Labels <", .x_label = "digit"};
  plot.add("train", {0, 0, 0, 0, 1, 2, 2, none, infinity}).add("", std::vector<int>{2, 2, 2, 2});
  const XmlReader reader(plot.svg());
  for (const char* text : {"Labels <", "digit", "count", "train"}) CHECK(reader.has_text(text));
  const auto first = heights(reader, "k-line k-l0"), second = heights(reader, "k-line k-l1");
  REQUIRE(first.size() == 3);
  CHECK(first[0] == doctest::Approx(1));
  CHECK(first[1] == doctest::Approx(0.25).epsilon(0.01));
  CHECK(first[2] == doctest::Approx(0.5).epsilon(0.01));
  CHECK(second[0] == 0);
  CHECK(second[2] == 1);
}

TEST_CASE("a number of bins and bounds may be given") {
  HistogramPlot plot{.bins = 4, .low = 0, .high = 2};
  plot.add("", {-1, 0, 0.4, 0.5, 1.9, 2, 3});
  const auto shares = heights(XmlReader(plot.svg()), "k-line k-l0");
  REQUIRE(shares.size() == 4);
  CHECK(shares[0] == 1);  // 0 and .4
  CHECK(shares[1] == doctest::Approx(0.5).epsilon(0.01));
  CHECK(shares[2] == 0);
  CHECK(shares[3] == 1);  // 1.9 and 2, which is the upper bound
}

TEST_CASE("on a log axis equal ratios of counts are equal steps") {
  std::vector<double> values(100, 1.0);
  values.insert(values.end(), 10, 2.0);
  values.push_back(3);
  HistogramPlot plot{.log_y = true};
  const auto shares = heights(XmlReader(plot.add("", values).svg()), "k-line k-l0");
  REQUIRE(shares.size() == 3);
  CHECK(shares[0] - shares[1] == doctest::Approx(shares[1] - shares[2]).epsilon(0.01));
  CHECK(shares[2] > 0);  // a single one can be seen
}

TEST_CASE("a histogram of nothing says so, and wrong wishes are refused") {
  CHECK(XmlReader(HistogramPlot{}.svg()).has_text("no data"));
  CHECK(XmlReader(HistogramPlot{}.add("a", {none}).svg()).has_text("no data"));
  CHECK(XmlReader(HistogramPlot{.low = 5, .high = 6}.add("a", {1}).svg()).has_text("no data"));
  const double largest = std::numeric_limits<double>::max();
  CHECK_NOTHROW(XmlReader(HistogramPlot{}.add("a", {largest, -largest, 1e-320}).svg()));
  CHECK_THROWS_WITH_AS(HistogramPlot{.bins = -1}.svg(),
                       "HistogramPlot: bins must be between 0 (chosen after the values) and 10000: got -1", UsageError);
  CHECK_THROWS_WITH_AS((HistogramPlot{.low = 2, .high = 1}.add("", {1}).svg()),
                       "axis: the low bound must be below the high one: got 2 and 1", UsageError);
  Folder folder;
  HistogramPlot{}.save(folder / "a.svg");
  CHECK(folder.read("a.svg") == HistogramPlot{}.svg());
  CHECK_THROWS_AS(HistogramPlot{}.save(folder / "a.png"), UsageError);
}

TEST_SUITE_END();
