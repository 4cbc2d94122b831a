// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The page that a report is: HTML in one file that needs no network and no scripts. All texts are escaped here.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/viz/png.hpp>
#include <kiln/viz/theme.hpp>

namespace kiln::detail {

inline constexpr std::string_view report_style =
    ":root{color-scheme:light dark;--page:#fff;--text:#24292f;--dim:#57606a;--line:#e4e8ec;--soft:#f6f8fa;"
    "--right:#00795a;--wrong:#b34700}"
    "@media(prefers-color-scheme:dark){:root{--page:#0f1318;--text:#e6edf3;--dim:#9da7b1;--line:#262d35;"
    "--soft:#171c23;--right:#2fc99c;--wrong:#f08a4b}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:24px 20px 48px;max-width:1080px;background:var(--page);color:var(--text);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;"
    "overflow-wrap:break-word}"
    "h1{font-size:26px;line-height:1.25;margin:0 0 2px}"
    "h2{font-size:18px;margin:0 0 12px}"
    "h3{font-size:15px;margin:20px 0 8px}"
    "p{margin:0 0 10px}"
    ".dim{color:var(--dim)}"
    "section{border-top:1px solid var(--line);padding-top:18px;margin-top:26px}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin-top:18px}"
    ".figures div{background:var(--soft);border-radius:8px;padding:10px 14px}"
    ".figures b{display:block;font-size:22px;line-height:1.3}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:4px 18px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}"
    "thead th{color:var(--dim);font-weight:600;font-size:13px;white-space:nowrap}"
    "tbody th{font-weight:400;color:var(--dim);white-space:nowrap}"
    ".facts td{overflow-wrap:anywhere}"
    ".number{text-align:right;white-space:nowrap}"
    "td:last-child,th:last-child{padding-right:0}"
    ".best{font-weight:600}"
    "code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:12px 20px}"
    ".plots svg,.wide svg{display:block;width:100%;height:auto}"
    ".beside{display:flex;flex-wrap:wrap;gap:8px 48px;align-items:flex-start}"
    ".beside>div{min-width:0;max-width:100%}.beside .wide{flex:0 1 560px}"
    ".images{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,1fr));gap:16px 14px}"
    "figure{margin:0;font-size:13px;line-height:1.4;break-inside:avoid}"
    "figure img{display:block;width:100%;image-rendering:pixelated;border:1px solid var(--line);border-radius:4px}"
    ".right{color:var(--right)}.wrong{color:var(--wrong);font-weight:600}"
    "@media(max-width:600px){body{padding:16px 14px 32px}th,td{padding-right:12px}tbody th{white-space:normal}}"
    "@media print{body{max-width:none;padding:0;font-size:11pt}h2,h3{break-after:avoid}svg,tr{break-inside:avoid}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

/// Names with what they stand for.
using ReportFacts = std::vector<std::pair<std::string, std::string>>;

/// HTML that grows.
class ReportPage {
 public:
  ReportPage(std::string_view title, std::string_view below) {
    html_ = concat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
                   "<meta name=\"generator\" content=\"Kiln\">\n<title>", xml_text(title), "</title>\n<style>",
                   style_sheet(), report_style, "</style>\n</head>\n<body>\n<header>\n<h1>", xml_text(title),
                   "</h1>\n<p class=\"dim\">", xml_text(below), "</p>\n");
  }

  /// The most important numbers, at the top.
  void figures(const ReportFacts& values) {
    html_ += "<div class=\"figures\">\n";
    for (const auto& [name, value] : values)
      html_ += concat("<div><b>", xml_text(value), "</b><span class=\"dim\">", xml_text(name), "</span></div>\n");
    html_ += "</div>\n";
  }

  void section(std::string_view title) {
    end_section();
    html_ += concat("<section>\n<h2>", xml_text(title), "</h2>\n");
  }
  void heading(std::string_view title) { html_ += concat("<h3>", xml_text(title), "</h3>\n"); }

  void paragraph(std::string_view text) { html_ += concat("<p>", xml_text(text), "</p>\n"); }
  void note(std::string_view text) { html_ += concat("<p class=\"dim\">", xml_text(text), "</p>\n"); }

  /// Names with what they stand for.
  void facts(const ReportFacts& values) {
    html_ += "<div class=\"scroll\"><table class=\"facts\"><tbody>\n";
    for (const auto& [name, value] : values)
      html_ += concat("<tr><th scope=\"row\">", xml_text(name), "</th><td>", xml_text(value), "</td></tr>\n");
    html_ += "</tbody></table></div>\n";
  }

  /// Columns from `first_number` on are numbers and stand to the right; the row `best` is bold.
  void table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
             std::size_t first_number, std::size_t best = std::string::npos) {
    const auto row = [&](const std::vector<std::string>& cells, std::string_view tag) {
      for (std::size_t i = 0; i < cells.size(); ++i)
        html_ += concat("<", tag, i >= first_number ? " class=\"number\">" : ">", xml_text(cells[i]), "</", tag, ">");
      html_ += "</tr>\n";
    };
    html_ += "<div class=\"scroll\"><table><thead><tr>";
    row(head, "th");
    html_ += "</thead><tbody>\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
      html_ += i == best ? "<tr class=\"best\">" : "<tr>";
      row(rows[i], "td");
    }
    html_ += "</tbody></table></div>\n";
  }

  /// Blocks beside each other where there is room.
  void begin_beside() { html_ += "<div class=\"beside\">\n"; }
  void end_beside() { html_ += "</div>\n"; }
  void begin_block(bool wide = false) { html_ += wide ? "<div class=\"wide\">\n" : "<div>\n"; }
  void end_block() { html_ += "</div>\n"; }

  /// Plots beside each other where there is room.
  void begin_plots() { html_ += "<div class=\"plots\">\n"; }
  void end_plots() { html_ += "</div>\n"; }

  /// The style of pictures stands once in the page's head.
  template <class Plot>
  void plot(const Plot& plot) {
    Drawing drawing;
    const Size size = plot.draw(drawing);
    std::string box = "0 0 ";
    append_coordinate(box, size.width);
    box += ' ';
    append_coordinate(box, size.height);
    html_ += concat("<svg viewBox=\"", box, "\" role=\"img\" aria-label=\"",
                    xml_text(plot.title.empty() ? "plot" : plot.title), "\" style=\"max-width:");
    append_coordinate(html_, 1.25 * size.width);
    html_ += concat("px\">\n", drawing.body(), "</svg>\n");
  }

  void begin_images() { html_ += "<div class=\"images\">\n"; }
  void end_images() { html_ += "</div>\n"; }
  /// An image, with a line in colour and further ones below.
  void image(const Pixels& pixels, std::string_view line, bool right, const std::vector<std::string>& more) {
    html_ += concat("<figure><img alt=\"", xml_text(line), "\" src=\"", png_data_url(pixels),
                    "\"><figcaption><span class=\"", right ? "right" : "wrong", "\">", xml_text(line), "</span>");
    for (const std::string& text : more) html_ += concat("<br><span class=\"dim\">", xml_text(text), "</span>");
    html_ += "</figcaption></figure>\n";
  }

  /// The whole file.
  std::string finish() && {
    end_section();
    html_ += "</body>\n</html>\n";
    return std::move(html_);
  }

 private:
  void end_section() { html_ += std::exchange(in_header_, false) ? "</header>\n" : "</section>\n"; }

  std::string html_;
  bool in_header_ = true;
};

}  // namespace kiln::detail
