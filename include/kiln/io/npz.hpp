// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `load_npz(model, "weights.npz")` and `save_npz(model, "weights.npz")`: weights under PyTorch's names as NumPy writes
/// them, by `numpy.savez("weights.npz", **{name: tensor.numpy() for name, tensor in model.state_dict().items()})`.
/// Not part of kiln.hpp: include it where it is used.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/data/npz.hpp>
#include <kiln/io/load_state.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

namespace detail {

inline constexpr std::array<std::pair<NpyType, ElementType>, 11> npy_elements{{{NpyType::boolean, ElementType::boolean},
                                                                               {NpyType::i8, ElementType::i8},
                                                                               {NpyType::i16, ElementType::i16},
                                                                               {NpyType::i32, ElementType::i32},
                                                                               {NpyType::i64, ElementType::i64},
                                                                               {NpyType::u8, ElementType::u8},
                                                                               {NpyType::u16, ElementType::u16},
                                                                               {NpyType::u32, ElementType::u32},
                                                                               {NpyType::u64, ElementType::u64},
                                                                               {NpyType::f32, ElementType::f32},
                                                                               {NpyType::f64, ElementType::f64}}};

inline NpyType npy_type(ElementType type) {
  return std::find_if(npy_elements.begin(), npy_elements.end(), [&](const auto& e) { return e.second == type; })->first;
}

/// As what the elements are read; float16 as float.
inline ElementType element_type(NpyType type) {
  auto found = std::find_if(npy_elements.begin(), npy_elements.end(), [&](const auto& e) { return e.first == type; });
  return found == npy_elements.end() ? ElementType::f32 : found->second;
}

inline LoadReport load_npz_tensors(const std::vector<ParamRef>& tensors, const std::string& path,
                                   const LoadOptions& options) {
  const NpzFile file(path);
  std::vector<StoredTensor> stored;
  for (const std::string& name : file.names()) {
    const NpyHeader header = file.header(name);
    const Dims shape = header.shape();
    stored.push_back({name, concat(header.type), true, element_type(header.type), {shape.begin(), shape.end()}});
  }
  LoadReport report;
  const std::vector<LoadStep> steps = match_state(file.place(), stored, tensors, options, report,
                                                  [](ElementType type) { return npy_type_name(npy_type(type)).name; });
  std::vector<AnyTensor> values;  // all of them first: a damaged one changes nothing
  values.reserve(steps.size());
  for (const LoadStep& step : steps) values.push_back(file.get(stored[step.from].name));
  for (std::size_t i = 0; i < steps.size(); ++i)
    put_elements(std::as_const(values[i]).bytes(), stored[steps[i].from].element, *steps[i].to);
  return report;
}

inline void save_npz_tensors(const std::vector<ParamRef>& tensors, const std::string& path, const NpzOptions& options) {
  replace_file("save_npz", path, [&](const File& file) {
    ZipWriter zip(file);
    for (const ParamRef& tensor : tensors)
      add_npy(zip, tensor.name, npy_type(tensor.element_type()), tensor.dims(), tensor.bytes(), options);
    zip.finish();
  });
}

}  // namespace detail

/// Writes all parameters and buffers. An existing file is replaced in one step, or kept if anything fails.
/// Throws: DataError.
template <class Model>
void save_npz(const Model& model, const std::string& path, const NpzOptions& options = {}) {
  // Only read here, but references for training are not made of const models.
  detail::save_npz_tensors(state_tensors(const_cast<Model&>(model)), path, options);
}

/// Reads all parameters and buffers as `load` does from safetensors files: floats of another width are converted, and
/// unless names, shapes and element types fit, nothing is changed and the error lists every difference.
/// Throws: DataError.
template <class Model>
LoadReport load_npz(Model& model, const std::string& path, const LoadOptions& options = {}) {
  return detail::load_npz_tensors(state_tensors(model), path, options);
}

}  // namespace kiln
