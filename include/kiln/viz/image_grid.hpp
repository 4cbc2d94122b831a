// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ImageGrid`: images side by side, each with a text below: `grid.add(images, {"a 4 read as 9"}, {Verdict::wrong})`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/tensor/tensor.hpp>
#include <kiln/viz/frame.hpp>
#include <kiln/viz/png.hpp>

namespace kiln {

/// Colours a caption: green for right, orange and bold for wrong.
enum class Verdict { none, right, wrong };

/// Images in rows. Their values are scaled from the lowest, black, to the highest, white, of each call of `add`; bytes
/// are taken as they are. NaN is black.
struct ImageGrid {
  /// One image and what is said about it.
  struct Item {
    Pixels image;
    std::string caption;
    Verdict verdict = Verdict::none;
  };

  std::string title = {};
  Index columns = 0;                ///< 0: as many as fit 640 pixels
  double image_size = 0;            ///< the longer side of the largest image as it is shown; 0: three times its pixels
  std::optional<double> low = {};   ///< the value that is black
  std::optional<double> high = {};  ///< the value that is white
  std::vector<Item> items = {};

  /// One grey image. Shapes: (H, W).
  template <class T>
  ImageGrid& add(const Tensor<2, T>& image, std::string caption = "", Verdict verdict = Verdict::none) {
    return add_images<T>(image.span(), 1, 1, image.size(0), image.size(1), {std::move(caption)}, {verdict});
  }

  /// Grey images, with as many captions and verdicts or none. Shapes: (N, H, W).
  template <class T>
  ImageGrid& add(const Tensor<3, T>& images, std::vector<std::string> captions = {},
                 std::vector<Verdict> verdicts = {}) {
    return add_images<T>(images.span(), images.size(0), 1, images.size(1), images.size(2), std::move(captions),
                         verdicts);
  }

  /// Grey (C = 1) or RGB (C = 3) images, with as many captions and verdicts or none. Shapes: (N, C, H, W).
  template <class T>
  ImageGrid& add(const Tensor<4, T>& images, std::vector<std::string> captions = {},
                 std::vector<Verdict> verdicts = {}) {
    return add_images<T>(images.span(), images.size(0), images.size(1), images.size(2), images.size(3),
                         std::move(captions), verdicts);
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "images" : title); }

  /// As .svg, or the images alone as .png. Throws: UsageError for another name or nothing to show, DataError.
  void save(const std::string& path) const {
    detail::save_picture(
        path, [&] { return svg(); }, [&] { return sheet(); });
  }

  /// The images on one white sheet, without captions.
  Pixels sheet() const {
    const Layout layout = make_layout();
    constexpr Index gap = 2;
    const auto scale = (std::max)(Index{1}, static_cast<Index>(layout.scale));
    const Index cell_width = layout.image_width * scale + gap, cell_height = layout.image_height * scale + gap;
    const bool rgb = std::any_of(items.begin(), items.end(), [](const Item& item) { return item.image.channels == 3; });
    Pixels all{.width = items.empty() ? 0 : layout.columns * cell_width + gap,
               .height = items.empty() ? 0 : layout.rows * cell_height + gap,
               .channels = rgb ? 3 : 1};
    all.bytes.assign(static_cast<std::size_t>(all.width * all.height * all.channels), 255);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Pixels image = detail::enlarge(items[i].image, scale, scale);
      const Index left = static_cast<Index>(i) % layout.columns * cell_width + gap;
      const Index top = static_cast<Index>(i) / layout.columns * cell_height + gap;
      for (Index y = 0; y < image.height; ++y)
        for (Index x = 0; x < image.width; ++x)
          for (Index c = 0; c < all.channels; ++c) {
            const Index from = (y * image.width + x) * image.channels + (image.channels == 3 ? c : 0);
            all.bytes[static_cast<std::size_t>(((top + y) * all.width + left + x) * all.channels + c)] =
                image.bytes[static_cast<std::size_t>(from)];
          }
    }
    return all;
  }

  detail::Size draw(detail::Drawing& drawing) const {
    using namespace detail;
    const Layout layout = make_layout();
    const double cell_width = layout.cell_width + cell_gap;
    const double cell_height = layout.shown_height() + (layout.has_captions ? caption_height : 0) + cell_gap;
    const double width = (std::max)(2 * edge + static_cast<double>(layout.columns) * cell_width - cell_gap, 160.0);
    const double top = draw_title(drawing, title, width);
    const double height = top + (std::max)(static_cast<double>(layout.rows) * cell_height - cell_gap, 60.0) + edge;
    check_size("ImageGrid", width, height);
    if (items.empty())
      drawing.element("text", {{"class", "k-text k-small k-mid"}, {"x", width / 2}, {"y", top + 34}}, "no images");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Item& item = items[i];
      const Index column = static_cast<Index>(i) % layout.columns;
      const Index row = static_cast<Index>(i) / layout.columns;
      const double left = edge + static_cast<double>(column) * cell_width;
      const double above = top + static_cast<double>(row) * cell_height;
      const double shown_width = static_cast<double>(item.image.width) * layout.scale;
      const Box box{left + (layout.cell_width - shown_width) / 2, above, shown_width,
                    static_cast<double>(item.image.height) * layout.scale};
      draw_pixels(drawing, item.image, box);
      if (item.caption.empty()) continue;
      const char* style = item.verdict == Verdict::right   ? "k-text k-mid k-right"
                          : item.verdict == Verdict::wrong ? "k-text k-mid k-wrong k-strong"
                                                           : "k-text k-mid";
      const double bold = item.verdict == Verdict::wrong ? 1.14 : 1;
      drawing.element(
          "text",
          {{"class", style}, {"x", left + (cell_width - cell_gap) / 2}, {"y", above + layout.shown_height() + 15}},
          fit_text(item.caption, font_size * bold, cell_width - 4));
    }
    return {width, height};
  }

 private:
  static constexpr double cell_gap = 16;
  static constexpr double caption_height = 18;
  static constexpr double widest_caption = 150;  // longer ones are cut

  struct Layout {
    Index columns = 1;
    Index rows = 0;
    Index image_width = 1;
    Index image_height = 1;
    double scale = 1;
    double cell_width = 1;  // as shown, of an image or a caption
    bool has_captions = false;

    double shown_width() const { return static_cast<double>(image_width) * scale; }
    double shown_height() const { return static_cast<double>(image_height) * scale; }
  };

  Layout make_layout() const {
    if (columns < 0 || !(image_size >= 0 && image_size <= 10'000))
      fail<UsageError>("ImageGrid", "columns and image_size must not be negative, nor the size above 10000",
                       concat("got ", columns, " and ", image_size));
    Layout layout;
    const auto count = static_cast<Index>(items.size());
    for (const Item& item : items) {
      detail::check_pixels(item.image);
      layout.image_width = (std::max)(layout.image_width, item.image.width);
      layout.image_height = (std::max)(layout.image_height, item.image.height);
      layout.has_captions = layout.has_captions || !item.caption.empty();
    }
    const auto longest = static_cast<double>((std::max)(layout.image_width, layout.image_height));
    layout.scale = (image_size > 0 ? image_size : std::clamp(3 * longest, 72.0, 240.0)) / longest;
    layout.cell_width = layout.shown_width();
    for (const Item& item : items) {
      const double bold = item.verdict == Verdict::wrong ? 1.14 : 1;
      const double wanted = detail::text_width(item.caption, detail::font_size * bold);
      layout.cell_width = (std::max)(layout.cell_width, (std::min)(wanted, widest_caption));
    }
    const double cell = layout.cell_width + cell_gap;
    layout.columns = columns > 0 ? columns : static_cast<Index>((640 - 2 * detail::edge + cell_gap) / cell);
    layout.columns = std::clamp(layout.columns, Index{1}, (std::max)(count, Index{1}));
    layout.rows = (count + layout.columns - 1) / layout.columns;
    return layout;
  }

  template <class T>
  ImageGrid& add_images(std::span<const T> values, Index count, Index channels, Index image_height, Index image_width,
                        std::vector<std::string> captions, const std::vector<Verdict>& verdicts) {
    std::optional<double> black = low, white = high;
    if (std::is_same_v<T, bool> || std::is_same_v<T, std::uint8_t>) {
      if (!black) black = 0;
      if (!white) white = std::is_same_v<T, bool> ? 1 : 255;
    }
    append(std::vector<double>(values.begin(), values.end()), {count, channels, image_height, image_width}, black,
           white, std::move(captions), verdicts);
    return *this;
  }

  void append(const std::vector<double>& values, const Shape<4>& shape, std::optional<double> black,
              std::optional<double> white, std::vector<std::string> captions, const std::vector<Verdict>& verdicts) {
    const Index count = shape[0], channels = shape[1], pixel_count = shape[2] * shape[3];
    if (channels != 1 && channels != 3)
      fail<UsageError>("ImageGrid.add", "images must have 1 channel (grey) or 3 (RGB)", concat("got shape ", shape));
    if (count > 0 && pixel_count == 0)
      fail<UsageError>("ImageGrid.add", "images must have pixels", concat("got shape ", shape));
    const auto require_one_each = [&](std::size_t given, const char* what) {
      if (given != 0 && given != static_cast<std::size_t>(count))
        fail<UsageError>("ImageGrid.add", concat("there must be none or as many ", what, " as images, ", count),
                         concat("got ", given));
    };
    require_one_each(captions.size(), "captions");
    require_one_each(verdicts.size(), "verdicts");
    detail::Range range;
    range.include(values, false);
    if (range.empty()) range = {0, 1};
    const double from = black.value_or(range.low), to = white.value_or(range.high);
    for (Index n = 0; n < count; ++n) {
      Item item{{.width = shape[3], .height = shape[2], .channels = static_cast<int>(channels)}, {}, {}};
      for (Index p = 0; p < pixel_count; ++p)
        for (Index c = 0; c < channels; ++c)
          item.image.bytes.push_back(
              byte(values[static_cast<std::size_t>((n * channels + c) * pixel_count + p)], from, to));
      if (!captions.empty()) item.caption = std::move(captions[static_cast<std::size_t>(n)]);
      if (!verdicts.empty()) item.verdict = verdicts[static_cast<std::size_t>(n)];
      items.push_back(std::move(item));
    }
  }

  /// An image of one value is black if that is 0 or less, otherwise white.
  static unsigned char byte(double value, double from, double to) {
    if (std::isnan(value)) return 0;
    if (!(from < to)) return value > 0 ? 255 : 0;
    const double share = (detail::drawable(value) / 2 - from / 2) / (to / 2 - from / 2);
    return static_cast<unsigned char>(std::lround(std::clamp(share, 0.0, 1.0) * 255));
  }
};

}  // namespace kiln
