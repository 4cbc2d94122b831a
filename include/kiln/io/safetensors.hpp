// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `save(model, "mnist.safetensors")` and `load(model, "mnist.safetensors")`: weights under PyTorch's names, in a
/// format that Python's `safetensors` reads and writes. Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/core/half.hpp>
#include <kiln/io/load_state.hpp>
#include <kiln/io/safetensors_header.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

namespace detail {

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

/// Floats of 16 bits as float.
inline std::vector<float> widened(std::string_view type, std::span<const std::byte> bytes) {
  std::vector<float> result(bytes.size() / 2);
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    result[i] = type == "F16" ? half_to_float({bits}) : bfloat_to_float({bits});
  }
  return result;
}

inline LoadReport load_tensors(const std::vector<ParamRef>& tensors, const std::string& path,
                               const LoadOptions& options) {
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

  std::vector<StoredTensor> stored;
  for (const SafetensorsEntry& entry : entries) {
    const SafetensorsType& type = *find_safetensors_type(entry.type);
    stored.push_back({entry.name, entry.type, type.known, type.type, entry.shape});
  }
  LoadReport report;
  const std::vector<LoadStep> steps = match_state(file.place(), stored, tensors, options, report,
                                                  [](ElementType type) { return safetensors_type(type).name; });
  std::vector<std::byte> data(data_bytes);
  file.read(data.data(), data.size());
  auto content = [&](const SafetensorsEntry& entry) {
    return std::span<const std::byte>(data).subspan(entry.begin, entry.end - entry.begin);
  };
  for (const SafetensorsEntry& entry : entries) {
    if (entry.type == "BOOL") require_booleans(file.place(), entry.name, content(entry));
  }
  for (const LoadStep& step : steps) {
    const SafetensorsEntry& entry = entries[step.from];
    const SafetensorsType& type = *find_safetensors_type(entry.type);
    if (type.type == ElementType::f32 && type.bytes == 2) {
      const std::vector<float> wide = widened(type.name, content(entry));
      put_elements(std::as_bytes(std::span(wide)), type.type, *step.to);
    } else {
      put_elements(content(entry), type.type, *step.to);
    }
  }
  return report;
}

}  // namespace detail

/// Writes all parameters and buffers. An existing file is replaced in one step, or kept if anything fails.
/// Throws: DataError.
template <class Model>
void save(const Model& model, const std::string& path) {
  // Only read here, but references for training are not made of const models.
  detail::save_tensors(state_tensors(const_cast<Model&>(model)), path);
}

/// Reads all parameters and buffers; floats of other widths are converted. Unless names, shapes and element types
/// fit, nothing is changed and the error lists every difference. The options load a part, rename, and say what may
/// differ. Throws: DataError.
template <class Model>
LoadReport load(Model& model, const std::string& path, const LoadOptions& options = {}) {
  return detail::load_tensors(state_tensors(model), path, options);
}

}  // namespace kiln
