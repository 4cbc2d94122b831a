// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/figure.hpp>

#include <kiln/viz/heat_map.hpp>
#include <kiln/viz/line_plot.hpp>

#include "folder.hpp"
#include "xml.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

std::vector<std::string> moves(const XmlReader& reader) {
  std::vector<std::string> all;
  for (const XmlElement& element : reader.elements)
    if (element.tag == "g") all.push_back(element.attributes.at("transform"));
  return all;
}

}  // namespace

TEST_CASE("plots stand in rows, each column as wide and each row as high as its largest") {
  Figure figure;
  figure.add(LinePlot{.title = "first", .width = 300, .height = 200});
  figure.add(LinePlot{.title = "second", .width = 400, .height = 250});
  figure.add(HeatMap{.title = "third", .width = 350, .height = 100}.set(Tensor<2>{{1, 2}}));
  const XmlReader reader(figure.svg());
  CHECK(moves(reader) == std::vector<std::string>{"translate(0 0)", "translate(350 0)", "translate(0 250)"});
  CHECK(reader.elements[0].attributes.at("width") == "750");
  CHECK(reader.elements[0].attributes.at("height") == "350");
  for (const char* text : {"first", "second", "third"}) CHECK(reader.has_text(text));
  CHECK(reader.count("style") == 1);
}

TEST_CASE("a figure may have a title, one column, one row, and figures in it") {
  Figure stacked{.title = "All of it", .columns = 1};
  stacked.add(LinePlot{}).add(LinePlot{});
  const XmlReader reader(stacked.svg());
  CHECK(reader.has_text("All of it"));
  CHECK(moves(reader).size() == 2);
  CHECK(reader.elements[0].attributes.at("width") == "640");
  Figure row{.columns = 9};
  row.add(LinePlot{}).add(stacked);
  CHECK(XmlReader(row.svg()).elements[0].attributes.at("width") == "1280");
  CHECK_NOTHROW(XmlReader(Figure{}.svg()));
  CHECK_THROWS_WITH_AS(Figure{.columns = 0}.svg(), "Figure: there must be at least one column: got 0", UsageError);
}

TEST_CASE("a figure is saved as svg") {
  Folder folder;
  Figure{}.add(LinePlot{}).save(folder / "a.svg");
  CHECK(folder.read("a.svg") == Figure{}.add(LinePlot{}).svg());
  CHECK_THROWS_AS(Figure{}.save(folder / "a.png"), UsageError);
}

TEST_SUITE_END();
