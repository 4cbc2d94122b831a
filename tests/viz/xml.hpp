// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// A small strict reader of the XML that pictures are made of: throws unless it is well-formed, and lists the elements.
#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct XmlElement {
  std::string tag;
  std::map<std::string, std::string> attributes;
  std::string text;  // directly inside, unescaped
};

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {
    check_characters();
    read_element();
    while (at_ < text_.size()) require(text_[at_++] == '\n', "content after the root");
  }
  std::vector<XmlElement> elements;

  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const XmlElement& element : elements)
      if (element.tag == "text") all.push_back(element.text);
    return all;
  }
  bool has_text(std::string_view wanted) const {
    const auto all = texts();
    return std::find(all.begin(), all.end(), wanted) != all.end();
  }
  std::size_t count(std::string_view tag, std::string_view in_class = "") const {
    return static_cast<std::size_t>(std::count_if(elements.begin(), elements.end(), [&](const XmlElement& element) {
      const auto found = element.attributes.find("class");
      const std::string classes = found == element.attributes.end() ? "" : " " + found->second + " ";
      return element.tag == tag &&
             (in_class.empty() || classes.find(" " + std::string(in_class) + " ") != std::string::npos);
    }));
  }

 private:
  void require(bool holds, const std::string& what) const {
    if (!holds) throw std::runtime_error(what + " at byte " + std::to_string(at_));
  }

  void check_characters() const {
    for (std::size_t i = 0; i < text_.size();) {
      const auto c = static_cast<unsigned char>(text_[i]);
      require(c >= 0x20 || c == '\n', "a control character");
      const int more = c < 0x80                ? 0
                       : c >= 0xc2 && c < 0xe0 ? 1
                       : c >= 0xe0 && c < 0xf0 ? 2
                       : c >= 0xf0 && c < 0xf5 ? 3
                                               : -1;
      require(more >= 0, "not UTF-8");
      ++i;
      for (int j = 0; j < more; ++j, ++i)
        require(i < text_.size() && (static_cast<unsigned char>(text_[i]) & 0xc0) == 0x80, "not UTF-8");
    }
  }

  char next() {
    require(at_ < text_.size(), "cut off");
    return text_[at_++];
  }

  std::string name() {
    std::string result;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-'))
      result += text_[at_++];
    require(!result.empty(), "a name was expected");
    return result;
  }

  std::string until(char end) {
    std::string result;
    while (true) {
      require(at_ < text_.size(), "cut off");
      char c = text_[at_];
      if (c == end) return result;
      ++at_;
      require(c != '<' && c != '>', "a bare angle bracket");
      if (c == '&') {
        std::string entity;
        while ((c = next()) != ';') entity += c;
        const std::map<std::string, char> known = {
            {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"#39", '\''}};
        require(known.count(entity) == 1, "an unknown entity");
        c = known.at(entity);
      }
      result += c;
    }
  }

  void read_element() {
    require(next() == '<', "an element was expected");
    const std::size_t index = elements.size();
    elements.push_back({name(), {}, {}});
    while (true) {
      char c = next();
      if (c == '/') {
        require(next() == '>', "/ without >");
        return;
      }
      if (c == '>') break;
      require(c == ' ', "a space was expected");
      const std::string key = name();
      require(next() == '=' && next() == '"', "=\" was expected");
      require(elements[index].attributes.emplace(key, until('"')).second, "an attribute twice");
      ++at_;
    }
    while (true) {
      const std::string text = until('<');
      elements[index].text += text;
      if (text_.substr(at_).starts_with("</")) {
        at_ += 2;
        require(name() == elements[index].tag, "another element is open");
        require(next() == '>', "> was expected");
        return;
      }
      read_element();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};
