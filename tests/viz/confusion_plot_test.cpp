// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/confusion_plot.hpp>

#include "folder.hpp"
#include "xml.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

ConfusionPlot two() {
  ConfusionPlot plot{.title = "Two", .classes = {"cat", "dog <"}};
  plot.set(Tensor<2, Index>{{90, 10}, {0, 1500}});
  return plot;
}

}  // namespace

TEST_CASE("a confusion matrix has the truth in rows, the prediction in columns") {
  const XmlReader reader(two().svg());
  for (const char* text : {"Two", "cat", "dog <", "truth", "prediction", "90", "10", "1,500"})
    CHECK(reader.has_text(text));
  CHECK_FALSE(reader.has_text("0"));  // what never happened stays empty
  std::map<std::string, std::pair<double, double>> places;
  for (const XmlElement& element : reader.elements)
    if (element.tag == "text")
      places[element.text] = {std::stod(element.attributes.at("x")), std::stod(element.attributes.at("y"))};
  CHECK(places["10"].second == places["90"].second);
  CHECK(places["10"].first > places["90"].first);
  CHECK(places["1,500"].second > places["10"].second);
  CHECK(places["1,500"].first == places["10"].first);
}

TEST_CASE("what is right is blue by its share, the most frequent mix-up is fully orange") {
  ConfusionPlot plot;
  plot.set(Tensor<2, int>{{50, 50, 0}, {0, 200, 0}, {2, 0, 98}});
  const XmlReader reader(plot.svg());
  std::vector<std::pair<std::string, double>> cells;
  for (const XmlElement& element : reader.elements)
    if (element.tag == "rect" && element.attributes.count("fill-opacity"))
      cells.emplace_back(element.attributes.at("class"), std::stod(element.attributes.at("fill-opacity")));
  REQUIRE(cells.size() == 5);
  CHECK(cells[0] == std::pair<std::string, double>("k-f0", 0.56));
  CHECK(cells[1] == std::pair<std::string, double>("k-f1", 1));
  CHECK(cells[2] == std::pair<std::string, double>("k-f0", 1));
  CHECK(cells[3] == std::pair<std::string, double>("k-f1", 0.3));  // .12 + .88 * sqrt(.02 / .5)
  CHECK(reader.has_text("2"));                                     // classes without names are numbers
}

TEST_CASE("none, one, only zeros and many classes give a picture") {
  CHECK(XmlReader(ConfusionPlot{}.svg()).has_text("no data"));
  CHECK_NOTHROW(XmlReader(ConfusionPlot{}.set(Tensor<2, Index>{{5}}).svg()));
  CHECK_NOTHROW(XmlReader(ConfusionPlot{}.set(Tensor<2, Index>{{0, 0}, {0, 0}}).svg()));
  auto many = detail::uninitialised<Index>(Shape<2>{100, 100});
  many.fill(123'456);
  const XmlReader reader(ConfusionPlot{}.set(many).svg());
  CHECK_FALSE(reader.has_text("123,456"));  // no room
  CHECK(reader.has_text("99"));
}

TEST_CASE("what is no confusion matrix is refused") {
  ConfusionPlot plot;
  CHECK_THROWS_WITH_AS(plot.set(Tensor<2, Index>{{1, 2}}),
                       "ConfusionPlot: there must be as many columns as rows: got shape (1, 2)", UsageError);
  CHECK_THROWS_WITH_AS(plot.set(Tensor<2, Index>{{1, -2}, {0, 0}}),
                       "ConfusionPlot: counts must not be negative: got -2", UsageError);
  CHECK_THROWS_WITH_AS(ConfusionPlot{.classes = {"a"}}.set(Tensor<2, Index>{{1, 2}, {0, 0}}),
                       "ConfusionPlot: there must be none or 2 names of classes: got 1", UsageError);
  CHECK_THROWS_WITH_AS((ConfusionPlot{.size = 2, .counts = {1}}.svg()),
                       "ConfusionPlot: there must be 2 x 2 counts, and at most 1000 classes: got 1 counts", UsageError);
}

TEST_CASE("a confusion matrix is saved as svg") {
  Folder folder;
  two().save(folder / "a.svg");
  CHECK(folder.read("a.svg") == two().svg());
  CHECK_THROWS_AS(two().save(folder / "a.png"), UsageError);
}

TEST_SUITE_END();
