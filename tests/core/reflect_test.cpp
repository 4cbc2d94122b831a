// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/reflect.hpp>

#include <any>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <kiln/core/fixed_string.hpp>
#include <kiln/core/text.hpp>

using kiln::field_count;
using kiln::field_names;
using kiln::for_each_field;
using kiln::Reflectable;

TEST_SUITE_BEGIN("core");

namespace nets {

/// Allocates, and none of its constructors is constexpr.
class Weight {
 public:
  Weight(int rows, int columns) : values_(static_cast<std::size_t>(rows * columns), 1.0f) {}
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<float> values_;
};

inline Weight make(int rows, int columns) { return {rows, columns}; }

struct Linear {
  int in;
  int out;
  Weight weight = make(out, in);
  Weight bias{out, 1};
};

struct Mlp {
  Linear hidden{784, 50};
  Linear out{50, 10};
};

template <class T>
struct Pair {
  T first;
  std::vector<T> rest;
};

struct Empty {};
enum class Mode { train, eval };

}  // namespace nets

namespace {

using nets::Linear;
using nets::Mlp;

struct Hidden {
  std::vector<Hidden> children;
  std::unique_ptr<int> only;
};

template <class T>
std::string names_of() {
  std::string all;
  for (std::string_view name : field_names<T>()) all += kiln::concat(all.empty() ? "" : " ", name);
  return all;
}

}  // namespace

TEST_CASE("fields of a model and of its layers have the names of its declaration") {
  static_assert(field_count<Mlp>() == 2);
  static_assert(field_names<Mlp>()[1] == "out");
  CHECK(names_of<Mlp>() == "hidden out");
  CHECK(names_of<const Linear>() == "in out weight bias");
}

TEST_CASE("for_each_field visits in order of declaration and can write") {
  struct Sizes {
    int in = 1;
    double scale = 2;
    bool bias = true;
  };
  Sizes sizes;
  std::string seen;
  for_each_field(sizes, [&](std::string_view name, auto& field) {
    seen += kiln::concat(name, '=', field, ' ');
    field = {};
  });
  CHECK(seen == "in=1 scale=2 bias=true ");
  CHECK(sizes.in == 0);
  CHECK(sizes.scale == 0);
  CHECK_FALSE(sizes.bias);
}

TEST_CASE("fields are visited in place") {
  Mlp model;
  std::vector<const void*> addresses;
  for_each_field(model, [&](std::string_view, auto& field) { addresses.push_back(&field); });
  CHECK(addresses == std::vector<const void*>{&model.hidden, &model.out});
}

TEST_CASE("fields of a const object are const") {
  const Mlp model;
  int count = 0;
  for_each_field(model, [&](std::string_view, auto& field) {
    static_assert(std::is_same_v<decltype(field), const Linear&>);
    CHECK(field.weight.size() == static_cast<std::size_t>(field.in * field.out));
    ++count;
  });
  CHECK(count == 2);
}

TEST_CASE("reflection works while compiling") {
  struct Pair {
    int a;
    int b;
  };
  constexpr int sum = [] {
    Pair pair{3, 4};
    int total = 0;
    for_each_field(pair, [&](std::string_view name, int& field) { total += name == "b" ? 10 * field : field; });
    return total;
  }();
  CHECK(sum == 43);
}

TEST_CASE("an empty struct has no fields") {
  static_assert(Reflectable<nets::Empty>);
  CHECK(field_count<nets::Empty>() == 0);
  CHECK(field_names<nets::Empty>().empty());
  nets::Empty empty;
  for_each_field(empty, [](std::string_view, auto&) { FAIL("there is no field"); });
}

TEST_CASE("a struct or array as a field is one field") {
  struct Deep {
    Mlp first;
    std::array<Linear, 3> layers{Linear{1, 2}, Linear{2, 3}, Linear{3, 4}};
    std::array<std::array<int, 2>, 2> grid;
    nets::Empty empty;
    nets::Pair<nets::Pair<int>> pairs;
  };
  CHECK(names_of<Deep>() == "first layers grid empty pairs");
  CHECK(names_of<decltype(Deep::pairs)>() == "first rest");
}

TEST_CASE("containers, wrappers and configuration are fields") {
  struct Contents {
    std::vector<Linear> blocks;
    std::tuple<Linear, int> pair{Linear{1, 1}, 2};
    std::tuple<Mlp> single;
    std::optional<Linear> maybe;
    std::optional<std::optional<int>> twice;
    std::string label;
    std::string_view view;
    std::function<float(float)> activation;
    std::unique_ptr<Mlp> only;
    std::shared_ptr<Mlp> shared;
    std::variant<int, std::string> either;
    std::any anything;
    nets::Mode mode;
    bool flag;
    const int fixed = 3;
    const Linear* pointer;
    int (*function)(int);
    int Linear::*member;
  };
  CHECK(names_of<Contents>() ==
        "blocks pair single maybe twice label view activation only shared either anything mode flag fixed pointer "
        "function member");
}

TEST_CASE("fields without default constructor or copy are counted") {
  struct Pinned {
    explicit Pinned(int) {}
    Pinned(const Pinned&) = delete;
  };
  struct Explicit {
    explicit Explicit() = default;
  };
  struct Holder {
    int a;
    Pinned pinned;
    std::atomic<int> counter;
    std::mutex mutex;
    Explicit by_name;
    [[no_unique_address]] nets::Empty e;
    [[no_unique_address]] nets::Empty f;
  };
  CHECK(names_of<Holder>() == "a pinned counter mutex by_name e f");
}

namespace {

struct ByValue {
  template <class T>
  ByValue(T) {}
};
struct ByReference {
  template <class T>
  ByReference(const T&) {}
};
struct ByForwarding {
  template <class T>
  ByForwarding(T&&) {}  // NOLINT(bugprone-forwarding-reference-overload): the point of the test
};

}  // namespace

TEST_CASE("fields with a constructor that takes anything are counted, and are no bases") {
  struct Greedy {
    ByValue value;
    ByReference reference;
    ByForwarding forwarding;
    std::any last;
  };
  struct First {
    ByReference a;
    int b;
  };
  struct FirstForwarding {
    ByForwarding a;
    int b;
  };
  CHECK(names_of<Greedy>() == "value reference forwarding last");
  CHECK(names_of<First>() == "a b");
  CHECK(names_of<FirstForwarding>() == "a b");
}

TEST_CASE("closures are fields") {
  auto scale = [factor = 2.0f](float x) { return factor * x; };
  auto generic = [](auto x) { return x; };
  struct Layers {
    decltype(scale) first;
    decltype(generic) second;
    int third;
  };
  CHECK(names_of<Layers>() == "first second third");
  static_assert(!Reflectable<decltype(scale)>);
}

TEST_CASE("local structs, also in templates and lambdas, and those of anonymous namespaces have fields") {
  CHECK(names_of<Hidden>() == "children only");
  auto in_lambda = [](auto x) {
    struct Local {
      decltype(x) local_in_lambda;
      std::string text;
    };
    CHECK(names_of<Local>() == "local_in_lambda text");
    return kiln::type_name<Local>();
  };
  CHECK(in_lambda(1) == "Local");
  CHECK(in_lambda(1.0) == "Local");
}

TEST_CASE("structs with up to 64 fields") {
  struct Eleven {
    int a, b, c, d, e, f, g, h, i, j, k;
  };
  struct ThirtyTwo {
    int a1, a2, a3, a4, a5, a6, a7, a8, b1, b2, b3, b4, b5, b6, b7, b8;
    std::string c1, c2, c3, c4, c5, c6, c7, c8, d1, d2, d3, d4, d5, d6, d7, d8;
  };
  struct SixtyFour {
    int a1, a2, a3, a4, a5, a6, a7, a8, b1, b2, b3, b4, b5, b6, b7, b8;
    int c1, c2, c3, c4, c5, c6, c7, c8, d1, d2, d3, d4, d5, d6, d7, d8;
    int e1, e2, e3, e4, e5, e6, e7, e8, f1, f2, f3, f4, f5, f6, f7, f8;
    int g1, g2, g3, g4, g5, g6, g7, g8, h1, h2, h3, h4, h5, h6, h7, h8;
  };
  CHECK(names_of<Eleven>() == "a b c d e f g h i j k");
  CHECK(names_of<ThirtyTwo>() ==
        "a1 a2 a3 a4 a5 a6 a7 a8 b1 b2 b3 b4 b5 b6 b7 b8 c1 c2 c3 c4 c5 c6 c7 c8 d1 d2 d3 d4 d5 d6 d7 d8");
  CHECK(field_count<SixtyFour>() == 64);
  CHECK(field_names<SixtyFour>()[63] == "h8");
  SixtyFour many{};
  int position = 0;
  for_each_field(many, [&](std::string_view, int& field) { field = ++position; });
  CHECK(many.a1 == 1);
  CHECK(many.e1 == 33);
  CHECK(many.h8 == 64);
}

namespace {

// Every number of fields has its own structured binding; a wrong one among them would not compile.
#define KILN_FIELDS_8(p) int p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8;
struct Fields7 {
  int a, b, c, d, e, f, g;
};
struct Fields8 {
  KILN_FIELDS_8(a)
};
struct Fields9 {
  KILN_FIELDS_8(a) int z;
};
struct Fields24 {
  KILN_FIELDS_8(a) KILN_FIELDS_8(b) KILN_FIELDS_8(c)
};
struct Fields42 {
  KILN_FIELDS_8(a) KILN_FIELDS_8(b) KILN_FIELDS_8(c) KILN_FIELDS_8(d) KILN_FIELDS_8(e) int y, z;
};
struct Fields51 {
  KILN_FIELDS_8(a) KILN_FIELDS_8(b) KILN_FIELDS_8(c) KILN_FIELDS_8(d) KILN_FIELDS_8(e) KILN_FIELDS_8(f) int x, y, z;
};
#undef KILN_FIELDS_8

template <class T>
void check_count(std::size_t count) {
  T object{};
  std::size_t visited = 0;
  for_each_field(object, [&](std::string_view name, int& field) {
    CHECK(name == field_names<T>()[visited]);
    CHECK(&field == reinterpret_cast<int*>(&object) + visited);
    ++visited;
  });
  CHECK(visited == count);
}

}  // namespace

TEST_CASE("each number of fields visits all of them once") {
  check_count<Fields7>(7);
  check_count<Fields8>(8);
  check_count<Fields9>(9);
  check_count<Fields24>(24);
  check_count<Fields42>(42);
  check_count<Fields51>(51);
}

namespace {

class Chain {
 public:
  Chain(int a, double b) : a_(a), b_(b) {}
  static void fields(auto& self, auto&& f) {
    f("0", self.a_);
    f("1", self.b_);
  }

 private:
  int a_;
  double b_;
};

struct Renamed {
  int a = 1;
  static void fields(auto& self, auto&& f) { f("alpha", self.a); }
};

}  // namespace

TEST_CASE("a type can list its fields itself") {
  static_assert(Reflectable<Chain>);
  static_assert(Reflectable<const Chain>);
  Chain chain(1, 2.5);
  std::string seen;
  for_each_field(std::as_const(chain),
                 [&](std::string_view name, const auto& field) { seen += kiln::concat(name, '=', field, ' '); });
  CHECK(seen == "0=1 1=2.5 ");
  for_each_field(chain, [](std::string_view, auto& field) { field = 7; });
  seen.clear();
  for_each_field(chain, [&](std::string_view name, auto& field) { seen += kiln::concat(name, '=', field, ' '); });
  CHECK(seen == "0=7 1=7 ");

  Renamed renamed;
  for_each_field(renamed, [&](std::string_view name, auto&) { CHECK(name == "alpha"); });
}

TEST_CASE("Reflectable is false, and no error, for what is not") {
  struct Base {
    int a;
  };
  struct Derived : Base {};
  struct Array {
    int a;
    Linear b[2];
    int c;
  };
  struct Grid {
    std::string a[2][2];
  };
  struct Reference {
    std::unique_ptr<int> a;
    Linear& b;
  };
  struct RvalueReference {
    Linear&& a;
  };
  CHECK_FALSE(Reflectable<Derived>);
  CHECK_FALSE(Reflectable<Array>);
  CHECK_FALSE(Reflectable<Grid>);
  CHECK_FALSE(Reflectable<Reference>);
  CHECK_FALSE(Reflectable<RvalueReference>);
  CHECK_FALSE(Reflectable<std::string>);
  CHECK_FALSE(Reflectable<int>);
  CHECK_FALSE(Reflectable<nets::Mode>);
  CHECK_FALSE(Reflectable<int*>);
  CHECK(Reflectable<Mlp>);
  CHECK(Reflectable<const Mlp>);
}

TEST_SUITE_END();
