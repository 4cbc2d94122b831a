// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// How pictures look: one style sheet, for a light and for a dark page, and the file around the elements.
/// Colours of series: Okabe and Ito, "Color Universal Design", 2008 (jfly.uni-koeln.de/color), which readers with any
/// form of colour blindness can tell apart; after seven of them the lines are dashed, then dotted.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <kiln/core/file.hpp>
#include <kiln/viz/svg.hpp>

namespace kiln::detail {

inline constexpr double font_size = 12;
inline constexpr double title_size = 15;
inline constexpr double edge = 14;  // between the content and the border of the picture

inline constexpr std::size_t colour_count = 7;
inline constexpr std::array<std::string_view, colour_count> light_colours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                                             "#e69f00", "#56b4e9", "#5a5f66"};
/// The same hues, where needed as light as it takes to stand out from a dark page.
inline constexpr std::array<std::string_view, colour_count> dark_colours = {"#56b4e9", "#e8702a", "#14b88a", "#cc79a7",
                                                                            "#e69f00", "#3f86cc", "#f0e442"};

/// The classes of a `line` or `fill` in the colour of a series, from the eighth on with dashes too.
inline std::string series_class(std::string_view role, std::size_t series) {
  std::string name = concat("k-", role, " k-", role[0], series % colour_count);
  if (series / colour_count % 3 == 1) name += " k-dash";
  if (series / colour_count % 3 == 2) name += " k-dot";
  return name;
}

inline void append_colours(std::string& sheet, const std::array<std::string_view, colour_count>& colours) {
  for (std::size_t i = 0; i < colours.size(); ++i)
    sheet += concat(".k-l", i, "{stroke:", colours[i], "}.k-f", i, "{fill:", colours[i], "}");
}

/// Every class begins with `k-`, and no element has an id: pictures can stand in one HTML page.
inline std::string style_sheet() {
  std::string sheet =
      ".k-text{fill:#24292f;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,"
      "'DejaVu Sans',sans-serif;font-size:12px}"
      ".k-title{font-size:15px;font-weight:600}"
      ".k-small{fill:#57606a;font-size:11px}"
      ".k-strong{font-weight:600}"
      ".k-mid{text-anchor:middle}.k-end{text-anchor:end}"
      ".k-page{fill:#fff}"
      ".k-grid{stroke:#e4e8ec;stroke-width:1;fill:none}"
      ".k-axis{stroke:#8c959f;stroke-width:1;fill:none}"
      ".k-line{fill:none;stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}"
      ".k-dash{stroke-dasharray:7 4;stroke-linecap:butt}.k-dot{stroke-dasharray:2 3;stroke-linecap:butt}"
      ".k-fill{fill-opacity:.28}"
      ".k-point{fill:#24292f;stroke:#fff;stroke-width:1.5}"
      ".k-lead{stroke:#57606a;stroke-width:1;fill:none}"
      ".k-halo{stroke:#fff;stroke-width:3;stroke-linejoin:round;fill:#fff}"
      ".k-on{fill:#fff}"
      ".k-right{fill:#00795a}.k-wrong{fill:#c04f00}"
      ".k-head{font-size:18px}"
      ".k-pixels{image-rendering:pixelated}";
  append_colours(sheet, light_colours);
  sheet +=
      "@media(prefers-color-scheme:dark){"
      ".k-text{fill:#e6edf3}.k-small{fill:#9da7b1}.k-page{fill:#0f1318}.k-grid{stroke:#262d35}.k-axis{stroke:#6e7681}"
      ".k-point{fill:#e6edf3;stroke:#0f1318}.k-lead{stroke:#9da7b1}.k-halo{fill:#0f1318;stroke:#0f1318}"
      ".k-on{fill:#0f1318}.k-right{fill:#2fc99c}.k-wrong{fill:#f08a4b}";
  append_colours(sheet, dark_colours);
  sheet += '}';
  return sheet;
}

/// A whole SVG file. `label` is what a screen reader says.
inline std::string svg_file(double width, double height, std::string_view label, const std::string& elements) {
  std::string file = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"";
  append_coordinate(file, width);
  file += "\" height=\"";
  append_coordinate(file, height);
  file += "\" viewBox=\"0 0 ";
  append_coordinate(file, width);
  file += ' ';
  append_coordinate(file, height);
  file += concat("\" role=\"img\" aria-label=\"", xml_text(label), "\">\n<style>", style_sheet(),
                 "</style>\n<rect class=\"k-page\" width=\"100%\" height=\"100%\"/>\n", elements, "</svg>\n");
  return file;
}

/// Throws: UsageError unless both sizes are from 80 to 20,000 pixels.
inline void check_size(std::string_view op, double width, double height) {
  if (!(width >= 80 && height >= 80 && width <= 20'000 && height <= 20'000))
    fail<UsageError>(op, "width and height must be between 80 and 20000 pixels", concat("got ", width, " x ", height));
}

/// Throws: DataError if the folder that `path` names is not there.
inline void check_folder(std::string_view op, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos || slash == 0) return;
  const std::string folder = path.substr(0, slash);
  struct stat status;
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    fail<DataError>(concat(op, ": ", path), "its folder must exist", concat("there is no folder ", folder));
}

/// The file of any plot: of what has `draw(Drawing&)`, which returns its size.
template <class Plot>
std::string svg_of(const Plot& plot, std::string_view label) {
  Drawing drawing;
  const Size size = plot.draw(drawing);
  return svg_file(size.width, size.height, label, drawing.body());
}

inline void save_bytes(std::string_view op, const std::string& path, std::span<const unsigned char> content) {
  check_folder(op, path);
  replace_file(op, path, [&](const File& file) { file.write(content.data(), content.size()); });
}

/// Writes the text of a picture. Throws: UsageError for a name that does not end in .svg, DataError.
inline void save_svg(const std::string& path, const std::string& content) {
  if (!path.ends_with(".svg")) {
    fail<UsageError>(concat("save: ", path), "the name of this picture must end in .svg",
                     path.ends_with(".png") ? "only image grids and heat maps can be written as .png" : "");
  }
  save_bytes("save", path, {reinterpret_cast<const unsigned char*>(content.data()), content.size()});
}

}  // namespace kiln::detail
