// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// NumPy's files of several arrays: `auto file = load_npz("data.npz"); auto x = file.get<2>("x");` reads one when it is
/// asked for, `save_npz({{"x", x}, {"y", y}}, "data.npz")` writes them. Not part of kiln.hpp: include it where it is
/// used. Weights of a model: io/npz.hpp. Source: https://numpy.org/doc/stable/reference/generated/numpy.savez.html
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/data/npy.hpp>
#include <kiln/data/zip.hpp>

namespace kiln {

/// An `.npz` file, open for reading. Copies share it; any number of threads may read from one.
class NpzFile {
 public:
  explicit NpzFile(std::string path, std::string_view op = "load_npz")
      : zip_(std::make_shared<const detail::ZipReader>(op, std::move(path))) {
    for (const detail::ZipEntry& entry : zip_->entries()) {
      std::string_view name = entry.name;
      if (name.ends_with(".npy")) name.remove_suffix(4);
      names_.emplace_back(name);
    }
    order_.resize(names_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [this](std::size_t i, std::size_t j) { return names_[i] < names_[j]; });
    for (std::size_t i = 1; i < order_.size(); ++i) {
      if (names_[order_[i]] == names_[order_[i - 1]])
        fail<DataError>(concat(zip_->place(), ": ", names_[order_[i]]), "every array must have a name of its own",
                        "it is there twice");
    }
  }

  /// The arrays' names, in the order of the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const { return find(name) < names_.size(); }

  /// What the file says about an array. Throws: DataError.
  NpyHeader header(std::string_view name) const { return detail::read_npy_header(*open(name)); }

  /// An array whose rank is known, read as `load_npy` does. Throws: DataError.
  template <int R, class T = float>
  Tensor<R, T> get(std::string_view name) const {
    return detail::read_npy<R, T>(*open(name));
  }

  /// An array as it is. Throws: DataError.
  AnyTensor get(std::string_view name) const { return detail::read_any_npy(*open(name)); }

  /// How messages begin: `load_npz: path`.
  const std::string& place() const { return zip_->place(); }

 private:
  std::unique_ptr<detail::ByteSource> open(std::string_view name) const {
    const std::size_t i = find(name);
    if (i == names_.size()) {
      std::string all;
      for (const std::string& other : names_) all += concat(all.empty() ? "" : ", ", other);
      fail<DataError>(place(), concat("there must be an array ", name),
                      all.empty() ? "the file has none" : concat("the file has ", all));
    }
    return zip_->open(zip_->entries()[i]);
  }

  /// Which entry it is; their number if none.
  std::size_t find(std::string_view name) const {
    const auto found = std::lower_bound(order_.begin(), order_.end(), name,
                                        [this](std::size_t i, std::string_view wanted) { return names_[i] < wanted; });
    return found != order_.end() && names_[*found] == name ? *found : names_.size();
  }

  std::shared_ptr<const detail::ZipReader> zip_;
  std::vector<std::string> names_;  // as the zip's entries
  std::vector<std::size_t> order_;  // of the names, sorted
};

/// Opens an `.npz` file; arrays are read when asked for. Throws: DataError.
inline NpzFile load_npz(const std::string& path) { return NpzFile(path); }

/// A tensor and what it is called in an `.npz` file.
struct NamedArray {
  std::string name;
  AnyTensor value;
};

struct NpzOptions {
  bool compress = false;  ///< as `numpy.savez_compressed` does
};

namespace detail {

inline void check_npz_name(const std::string& place, std::string_view name) {
  if (name.empty() || name.size() > 1000 || name.find('\0') != name.npos)
    fail<UsageError>(place, "an array's name must have 1 to 1000 characters, none of them 0",
                     concat("got '", name, "'"));
}

inline void add_npy(ZipWriter& zip, std::string_view name, NpyType type, Dims dims, std::span<const std::byte> content,
                    const NpzOptions& options) {
  const std::string header = npy_header(type, dims);
  zip.add(concat(name, ".npy"),
          {{reinterpret_cast<const unsigned char*>(header.data()), header.size()},
           {reinterpret_cast<const unsigned char*>(content.data()), content.size()}},
          options.compress);
}

/// The NumPy type of what an AnyTensor holds.
inline NpyType npy_type(const AnyTensor& x) {
  for (const NpyTypeName& known : npy_types) {
    const bool same = visit_npy_type(known.type, [&]<class T>(T) {
      if constexpr (std::is_same_v<T, Half>) return false;
      else return x.holds<T>();
    });
    if (same) return known.type;
  }
  fail<UsageError>("save_npz", "a tensor's elements must have a type that NumPy has", concat("got ", x.type()));
}

}  // namespace detail

/// Writes tensors under their names. An existing file is replaced in one step, or kept if anything fails.
/// Throws: DataError; UsageError for a name given twice.
inline void save_npz(const std::vector<NamedArray>& arrays, const std::string& path, const NpzOptions& options = {}) {
  const std::string place = concat("save_npz: ", path);
  for (auto array = arrays.begin(); array != arrays.end(); ++array) {
    detail::check_npz_name(place, array->name);
    if (std::any_of(arrays.begin(), array, [&](const NamedArray& other) { return other.name == array->name; }))
      fail<UsageError>(place, "every array must have a name of its own", concat("got ", array->name, " twice"));
  }
  detail::replace_file("save_npz", path, [&](const detail::File& file) {
    detail::ZipWriter zip(file);
    for (const NamedArray& array : arrays) {
      detail::add_npy(zip, array.name, detail::npy_type(array.value), array.value.dims(), array.value.bytes(), options);
    }
    zip.finish();
  });
}

}  // namespace kiln
