// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `save(model, "mnist.safetensors")` and `load(model, "mnist.safetensors")`: weights under PyTorch's names, in a
/// format that Python's `safetensors` reads and writes. Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/io/safetensors_header.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

namespace detail {

static_assert(std::endian::native == std::endian::little,
              "kiln: safetensors files are little-endian, as is every supported CPU");

inline constexpr std::uint64_t most_safetensors_header = 100'000'000;  // the reference implementation's limit

inline void save_tensors(const std::vector<ParamRef>& in_order, const std::string& path) {
  std::vector<ParamRef> tensors;  // wide elements first, so that all are aligned
  for (std::size_t bytes : {8u, 4u, 2u, 1u}) {
    for (const ParamRef& tensor : in_order) {
      if (safetensors_type(tensor.element_type()).bytes == bytes) tensors.push_back(tensor);
    }
  }
  std::string header = "{";
  std::uint64_t offset = 0;
  for (const ParamRef& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes().size();
    std::string shape;
    for (Index size : tensor.dims()) shape += concat(shape.empty() ? "" : ",", size);
    header += concat(header.size() > 1 ? "," : "", json_string(tensor.name), ":{\"dtype\":\"",
                     safetensors_type(tensor.element_type()).name, "\",\"shape\":[", shape, "],\"data_offsets\":[",
                     offset, ",", end, "]}");
    offset = end;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_bytes = header.size();
  replace_file("save", path, [&](const File& file) {
    file.write(&header_bytes, sizeof header_bytes);
    file.write(header.data(), header.size());
    for (const ParamRef& tensor : tensors) file.write(tensor.bytes().data(), tensor.bytes().size());
  });
}

/// Whether elements of the file can become the tensor's: equal types, or floats of either width.
inline bool convertible_elements(const SafetensorsType& from, ElementType to) {
  auto real = [](ElementType type) { return type == ElementType::f32 || type == ElementType::f64; };
  return from.known && (from.type == to || (real(from.type) && real(to)));
}

inline void require_fit(const std::string& place, const std::vector<SafetensorsEntry>& entries,
                        const std::vector<ParamRef>& tensors) {
  std::string missing, unexpected, different;
  auto list = [](std::string& to, std::string_view what) { to += concat("\n  ", what); };
  for (const ParamRef& tensor : tensors) {
    auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == tensor.name; });
    if (entry == entries.end()) list(missing, concat("missing: ", tensor.name, " ", tensor.dims()));
    else if (!std::equal(entry->shape.begin(), entry->shape.end(), tensor.dims().begin(), tensor.dims().end())) {
      list(different, concat("wrong shape: ", tensor.name, " is ", tensor.dims(), " in the model and ",
                             Dims(entry->shape), " in the file"));
    } else if (!convertible_elements(*find_safetensors_type(entry->type), tensor.element_type())) {
      list(different, concat("wrong element type: ", tensor.name, " is ", safetensors_type(tensor.element_type()).name,
                             " in the model and ", entry->type, " in the file"));
    }
  }
  for (const auto& entry : entries) {
    auto known = [&](const ParamRef& tensor) { return tensor.name == entry.name; };
    if (std::none_of(tensors.begin(), tensors.end(), known))
      list(unexpected, concat("unexpected: ", entry.name, " ", Dims(entry.shape)));
  }
  if (!missing.empty() || !unexpected.empty() || !different.empty()) {
    fail<DataError>(place, "the file must fit the model",
                    concat("it does not, and nothing was loaded", missing, unexpected, different));
  }
}

template <class From, class To>
void convert_elements(const std::byte* from, std::span<To> to) {
  for (To& element : to) {
    From value;
    std::memcpy(&value, from, sizeof value);
    from += sizeof value;
    element = static_cast<To>(value);
  }
}

/// A bool that is neither 0 nor 1 would be undefined behaviour.
inline void require_booleans(const std::string& place, std::string_view name, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (const auto value = std::to_integer<int>(bytes[i]); value > 1)
      fail<DataError>(place, concat(name, ": every byte of a BOOL must be 0 or 1"), concat("byte ", i, " is ", value));
  }
}

inline void load_tensors(const std::vector<ParamRef>& tensors, const std::string& path) {
  const File file("load", path, O_RDONLY);
  const std::size_t size = file.size();
  std::uint64_t header_bytes = 0;
  if (size < sizeof header_bytes)
    fail<DataError>(file.place(), "a safetensors file has at least 8 bytes", concat("got ", size));
  file.read(&header_bytes, sizeof header_bytes);
  if (header_bytes > most_safetensors_header || header_bytes > size - sizeof header_bytes) {
    fail<DataError>(file.place(),
                    concat("the header's length, the first 8 bytes, must be at most ", size - sizeof header_bytes),
                    concat("got ", header_bytes, "; is this a safetensors file?"));
  }
  std::string header(header_bytes, '\0');
  file.read(header.data(), header.size());
  const std::vector<SafetensorsEntry> entries = SafetensorsParser(file.place(), header).parse();
  const std::size_t data_bytes = size - sizeof header_bytes - header.size();
  check_safetensors(file.place(), entries, data_bytes);
  require_fit(file.place(), entries, tensors);

  std::vector<std::byte> data(data_bytes);
  file.read(data.data(), data.size());
  for (const SafetensorsEntry& entry : entries) {
    if (find_safetensors_type(entry.type)->type == ElementType::boolean)
      require_booleans(file.place(), entry.name, std::span(data).subspan(entry.begin, entry.end - entry.begin));
  }
  for (const ParamRef& tensor : tensors) {
    const auto& entry =
        *std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == tensor.name; });
    const std::byte* from = data.data() + entry.begin;
    const ElementType type = find_safetensors_type(entry.type)->type;
    if (type == tensor.element_type()) {
      if (entry.end > entry.begin) std::memcpy(tensor.bytes().data(), from, entry.end - entry.begin);
    } else if (type == ElementType::f32) {
      convert_elements<float>(from, tensor.value<double>());
    } else {
      convert_elements<double>(from, tensor.value<float>());
    }
  }
}

}  // namespace detail

/// Writes all parameters and buffers. An existing file is replaced in one step, or kept if anything fails.
/// Throws: DataError.
template <class Model>
void save(const Model& model, const std::string& path) {
  // Only read here, but references for training are not made of const models.
  detail::save_tensors(state_tensors(const_cast<Model&>(model)), path);
}

/// Reads all parameters and buffers; floats of the other width are converted. Unless names, shapes and element types
/// fit, nothing is changed and the error lists every difference. Throws: DataError.
template <class Model>
void load(Model& model, const std::string& path) {
  detail::load_tensors(state_tensors(model), path);
}

}  // namespace kiln
