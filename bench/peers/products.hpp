// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The matrix products of other libraries, those that are installed: looked for when the program runs and loaded apart,
/// because two of them define the same names.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <kiln/kernels/matmul.hpp>

namespace bench {

using kiln::Index;
using kiln::MatmulArgs;

/// A product and its name.
struct Contender {
  std::string name;
  void (*run)(const MatmulArgs<float>&);
};

template <class Function>
bool find(void* library, const char* symbol, Function*& function) {
  function = library ? reinterpret_cast<Function*>(dlsym(library, symbol)) : nullptr;
  return function != nullptr;
}

/// Loads a library if it is there; RTLD_DEEPBIND lets it prefer its own symbols.
inline void* load(const char* file) {
#ifdef RTLD_DEEPBIND
  return dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
#else
  return dlopen(file, RTLD_NOW | RTLD_LOCAL);
#endif
}

/// cblas_sgemm as both OpenBLAS and BLIS have it; their enumerations are 101 row-major, 111 as stored, 112 transposed.
using CblasSgemm = void(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
/// oneDNN's, which is row-major and counts in 64 bits.
using DnnlSgemm = int(char, char, Index, Index, Index, float, const float*, Index, const float*, Index, float, float*,
                      Index);

inline void run_cblas(CblasSgemm* sgemm, const MatmulArgs<float>& x) {
  sgemm(101, x.transpose_a ? 112 : 111, x.transpose_b ? 112 : 111, static_cast<int>(x.m), static_cast<int>(x.n),
        static_cast<int>(x.k), x.alpha, x.a, static_cast<int>(x.lda), x.b, static_cast<int>(x.ldb), x.beta, x.c,
        static_cast<int>(x.ldc));
}

inline CblasSgemm* openblas = nullptr;
inline CblasSgemm* blis = nullptr;
inline DnnlSgemm* dnnl = nullptr;

/// A product from a module that exports `kiln_bench_product(const MatmulArgs<float>*)`, at most two of them.
using Product = void(const MatmulArgs<float>*);
inline Product* modules[2] = {};

/// The peers found here, told how many threads to use. `module_files` are "name=file", separated by semicolons.
inline std::vector<Contender> find_peers(int threads, const std::string& module_files) {
  // Their idle threads would go on spinning for milliseconds, in the next contender's time.
  setenv("GOMP_SPINCOUNT", "20000", 0);
  setenv("OPENBLAS_THREAD_TIMEOUT", "20", 0);
  std::vector<Contender> peers;
  auto set_threads = [threads](void* library, const char* symbol) {
    void (*set)(int);
    if (find(library, symbol, set)) set(threads);
  };

  std::size_t count = 0;
  for (std::size_t at = 0; at < module_files.size() && count < 2;) {
    const std::size_t end = (std::min)(module_files.find(';', at), module_files.size());
    const std::size_t equals = module_files.find('=', at);
    void* library = load(module_files.substr(equals + 1, end - equals - 1).c_str());
    if (find(library, "kiln_bench_product", modules[count])) {
      set_threads(library, "kiln_bench_threads");
      peers.push_back({module_files.substr(at, equals - at), count == 0
                                                                 ? [](const MatmulArgs<float>& x) { modules[0](&x); }
                                                                 : [](const MatmulArgs<float>& x) { modules[1](&x); }});
      ++count;
    }
    at = end + 1;
  }
  if (void* library = load("libopenblas.so.0"); find(library, "cblas_sgemm", openblas)) {
    set_threads(library, "openblas_set_num_threads");
    peers.push_back({"OpenBLAS", [](const MatmulArgs<float>& x) { run_cblas(openblas, x); }});
  }
  if (void* library = load("libblis.so.4"); find(library, "cblas_sgemm", blis)) {
    void (*set)(Index);
    if (find(library, "bli_thread_set_num_threads", set)) set(threads);
    peers.push_back({"BLIS", [](const MatmulArgs<float>& x) { run_cblas(blis, x); }});
  }
  if (void* library = load("libdnnl.so.2"); find(library, "dnnl_sgemm", dnnl)) {
    set_threads(load("libgomp.so.1"), "omp_set_num_threads");
    peers.push_back({"oneDNN", [](const MatmulArgs<float>& x) {
                       dnnl(x.transpose_a ? 'T' : 'N', x.transpose_b ? 'T' : 'N', x.m, x.n, x.k, x.alpha, x.a, x.lda,
                            x.b, x.ldb, x.beta, x.c, x.ldc);
                     }});
  }
  return peers;
}

}  // namespace bench
